import type * as z from 'zod';
import { parse } from '../core/base/validation.ts';

/** An aggregate with schemas of its commands. */
interface WithCommands {
  readonly commands?: Readonly<Record<string, { readonly body: z.ZodObject }>>;
}

/**
 * A command as its aggregate gets it over HTTP: the schema of its kind has parsed its data.
 * @throws ValidationError when the schema refuses the data. A command without a schema stays as it is.
 */
export function parsedCommand<Command>(aggregate: object, command: Command): Command {
  const { kind, ...data } = command as { readonly kind?: string };
  const schema = (aggregate as WithCommands).commands?.[kind ?? '']?.body;
  return schema ? ({ ...parse(schema, data), kind } as Command) : command;
}
