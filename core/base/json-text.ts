import { turn } from './turns.ts';

/** A list of so many items is written item by item. */
const LONG = 16;

const texts = new WeakMap<object, string>();

/** The JSON of a value that several answers share; made once, and kept as long as the value is. Nobody may change the value. */
export function sharedJson(value: object): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  texts.set(value, text);
  return text;
}

/**
 * The JSON of an answer, as `JSON.stringify` has it. Long lists in it are written item by item, and others have their turns
 * in between; an item that {@link sharedJson} knows is not written again.
 */
export async function answerJson(value: unknown): Promise<string> {
  if (Array.isArray(value) && value.length > LONG) return listJson(value);
  if (typeof value !== 'object' || value === null || !Object.values(value).some(isLong)) return textOf(value) ?? 'null';
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    const text = isLong(member) ? await listJson(member) : textOf(member);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}

async function listJson(items: readonly unknown[]): Promise<string> {
  const written: string[] = [];
  for (const item of items) {
    written.push(textOf(item) ?? 'null');
    await turn();
  }
  return `[${written.join(',')}]`;
}

const isLong = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length > LONG;

const textOf = (value: unknown): string | undefined =>
  (typeof value === 'object' && value !== null ? texts.get(value) : undefined) ?? JSON.stringify(value);
