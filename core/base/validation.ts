import type * as z from 'zod';
import { type Issue, ValidationError } from './errors.ts';

/** Zod's issues as paths and messages for a caller. */
export function issuesOf(error: z.ZodError, prefix: readonly PropertyKey[] = []): Issue[] {
  return error.issues.map((issue) => ({ path: [...prefix, ...issue.path].join('.'), message: issue.message }));
}

/**
 * Parses `value` at an edge.
 * @throws ValidationError with every issue found
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ValidationError(issuesOf(parsed.error));
}
