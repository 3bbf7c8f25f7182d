import * as z from 'zod';

/** Deepest nesting of objects and arrays that Annals stores or accepts. */
export const MAX_JSON_DEPTH = 32;

/** Any JSON value. One schema for all places, so that documents name it once. */
export const json = z.json();
export type Json = z.output<typeof json>;

/** Any JSON object. Its keys are the caller's; its values any JSON value. */
export const jsonObject = z.record(z.string(), json);
export type JsonObject = z.output<typeof jsonObject>;

/** A place in a JSON value and what is wrong there; `path` is as zod gives it. */
export interface JsonFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * The first thing in `value` that cannot be stored and read back unchanged: nesting over `maxDepth`, a lone
 * surrogate (not encodable as UTF-8) or a `__proto__` member (dropped by most parsers and validators). Iterative, so
 * that depth cannot exhaust the stack. `undefined` when all is well.
 */
export function findJsonFault(value: unknown, maxDepth = MAX_JSON_DEPTH): JsonFault | undefined {
  const pending: { value: unknown; path: (string | number)[] }[] = [{ value, path: [] }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value: current, path } = next;
    if (typeof current === 'string') {
      if (!current.isWellFormed()) return { path, message: 'has a lone surrogate, which UTF-8 cannot carry' };
      continue;
    }
    if (typeof current !== 'object' || current === null) continue;
    if (path.length >= maxDepth) return { path, message: `is nested deeper than ${maxDepth} levels` };
    for (const [key, child] of Object.entries(current)) {
      const childPath = [...path, Array.isArray(current) ? Number(key) : key];
      if (key === '__proto__') return { path: childPath, message: 'is a member name that is not accepted' };
      if (!key.isWellFormed()) return { path, message: 'has a member name with a lone surrogate' };
      pending.push({ value: child, path: childPath });
    }
  }
  return undefined;
}
