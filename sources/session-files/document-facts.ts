import * as z from 'zod';
import { SourceFault } from '../source-fault.ts';
import { type DocumentForm, jsonValues } from './json-document.ts';

/** The members of a document, apart from its lists, which may be long. */
export async function smallMembers(
  read: () => AsyncIterable<Uint8Array>,
  form: DocumentForm,
): Promise<Record<string, unknown>> {
  const members: Record<string, unknown> = {};
  const paths = [...form.members].filter(([, { kind }]) => kind !== 'array').map(([name]) => `$.${name}`);
  if (paths.length === 0) return members;
  for await (const { path, value } of jsonValues(read, paths)) {
    if (path.length === 1) members[String(path[0])] = value;
  }
  return members;
}

/** Most faults that are named at once. */
const MAX_FAULTS = 5;

/** The fault of a value that is not as its schema says. */
export function faultOf(place: string, error: z.ZodError): SourceFault {
  const faults = error.issues.map(({ path, message }) => {
    const where = [place, z.core.toDotPath(path)].filter(Boolean).join('.');
    return `${where || 'the file'}: ${message}`;
  });
  const more = faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : '';
  return new SourceFault('', faults.slice(0, MAX_FAULTS).join('; ') + more);
}

/** The members that have a value. */
export function given<M extends Record<string, unknown>>(members: M): { [K in keyof M]?: NonNullable<M[K]> } {
  const entries = Object.entries(members).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof M]?: NonNullable<M[K]> };
}
