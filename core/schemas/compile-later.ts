import { turn } from '../base/turns.ts';
import type { CompileSchema } from '../events/open-types.ts';

/** Compiles a schema. The compiler costs a start 30 ms, so the first schema loads it. */
export const compileLater: CompileSchema = async (schema) => {
  const { compileSchema } = await import('./compile.ts');
  await turn();
  const check = compileSchema(schema);
  await turn(); // the first check of the largest schema takes 5 ms more
  return check;
};
