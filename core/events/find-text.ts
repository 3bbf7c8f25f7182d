import { turn } from '../base/turns.ts';
import type { Json } from './json.ts';

/** A place of a text in a value. */
export interface TextPlace {
  /** The members that lead to the string, with dots between them; empty when the value is the string. */
  readonly path: string;
  /** The place in the string where the text begins, in UTF-16 units from 0. */
  readonly at: number;
  /** The text as the string has it, with up to {@link AROUND} units before and after it. */
  readonly excerpt: string;
}

/** Most UTF-16 units of an excerpt before the text, and after it. */
const AROUND = 80;

/** UTF-16 units that are compared in one step: less than a millisecond. */
const STEP = 64 * 1024;

/**
 * The first place of a text in the strings of a value, in the order of its members. Upper and lower case are equal; every
 * character stands for itself. Names of members are not searched. Gives other requests their turns.
 */
export async function findText(value: Json, text: string): Promise<TextPlace | undefined> {
  const wanted = folded(text);
  for (const { path, leaf } of leavesOf(value, [])) {
    const at = typeof leaf === 'string' ? await indexIn(leaf, wanted) : -1;
    if (typeof leaf === 'string' && at >= 0) {
      return { path: path.join('.'), at, excerpt: excerptOf(leaf, at, at + wanted.length) };
    }
    const others = turn();
    if (others) await others;
  }
  return undefined;
}

/** The values in a value that contain no others; `path` changes with the next. */
function* leavesOf(
  value: Json,
  path: (string | number)[],
): Generator<{ path: readonly (string | number)[]; leaf: Json }> {
  if (typeof value !== 'object' || value === null) {
    yield { path, leaf: value };
    return;
  }
  for (const [name, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    path.push(name);
    yield* leavesOf(member, path);
    path.pop();
  }
}

async function indexIn(string: string, wanted: string): Promise<number> {
  for (let start = 0; start + wanted.length <= string.length; start += STEP) {
    const at = folded(string.slice(start, start + STEP + wanted.length - 1)).indexOf(wanted);
    if (at >= 0) return start + at;
    const others = turn();
    if (others) await others;
  }
  return -1;
}

/** Lower case of the same length, letter by letter: `toLowerCase` makes two of İ, and a final letter of the last Σ. */
const folded = (text: string): string => text.replaceAll('İ', 'i').toLowerCase().replaceAll('ς', 'σ');

/** Surrogates without the other half, where the cut is. */
const HALVES = /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g;

const excerptOf = (string: string, from: number, to: number): string =>
  string.slice(Math.max(0, from - AROUND), to + AROUND).replace(HALVES, '');
