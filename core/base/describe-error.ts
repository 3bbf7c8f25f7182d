import { AnnalsError } from './errors.ts';

/** An error in the form that logs may hold. */
export interface ErrorDescription {
  readonly type: string;
  readonly message?: string;
  readonly code?: string;
  /** The stack, innermost call first. */
  readonly stack?: readonly string[];
  readonly cause?: ErrorDescription;
}

const MAX_FRAMES = 10;
const MAX_DEPTH = 5;

/**
 * The loggable facts of an error. Only messages of Annals, of services and of the system are logged: JSON.parse, for
 * example, quotes its input, and data of events must not be in a log.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = codeOf(error);
  const quotable = error instanceof AnnalsError || '$fault' in error || code !== undefined;
  const stack = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    ...(quotable ? { message: error.message } : {}),
    ...(code === undefined ? {} : { code }),
    ...(stack ? { stack: stack.slice(0, MAX_FRAMES).map((line) => line.trim()) } : {}),
    ...(error.cause !== undefined && depth < MAX_DEPTH ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

/** The details of a log line, with each error in its loggable form. */
export function safeDetails(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const safe = Object.entries(details).map(([name, value]) => [
    name,
    value instanceof Error ? describeError(value) : value,
  ]);
  return Object.fromEntries(safe);
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
