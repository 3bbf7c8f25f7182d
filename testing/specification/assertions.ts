import { AssertionError, deepStrictEqual } from 'node:assert';

/** A method of a specification. An assertion leaves its frames out of the stack, which then begins with the line of the test. */
export type Assertion = (...args: never[]) => unknown;

/**
 * Compares two values deeply and strictly.
 * @throws AssertionError with a readable difference under `what`
 */
export function assertSame(what: string, actual: unknown, expected: unknown, stackStartFn: Assertion): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    const message = `${what}\n${error.message}`;
    // Another operator than that of the difference, because Node 24 would write the difference twice.
    throw new AssertionError({ message, actual, expected, operator: 'same', stackStartFn });
  }
}

/** Fails. @throws AssertionError always */
export function fail(message: string, stackStartFn: Assertion, details: object = {}): never {
  throw new AssertionError({ message, stackStartFn, operator: 'fail', ...details });
}
