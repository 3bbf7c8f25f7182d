import { RE2JS } from 're2js';

/** A regular expression of a schema. */
export interface Pattern {
  /** Number of its instructions: an upper bound of the steps for each character. */
  readonly size: number;
  /** Whether it matches anywhere in the text, in time that grows with the length of the text. */
  test(text: string): boolean;
}

/**
 * A pattern, for an engine that never goes back in a text: RE2. Node's own engine needs longer than the universe is old for
 * some patterns. RE2 has no look-around and no references to groups.
 * @throws Error when the pattern cannot be used; the message says why
 */
export function patternOf(source: string): Pattern {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(source));
  return { size: compiled.programSize(), test: (text) => compiled.test(text) };
}
