import { vi } from 'vitest';

/** Longest wait for a condition, milliseconds. It limits failing tests; a busy machine does not reach it. */
const PATIENCE_MS = 60_000;

type Wait = (check: () => unknown, options?: number | { timeout?: number; interval?: number }) => Promise<unknown>;

/** A wait with a limit of at least a minute: `vi.waitFor` gives up after a second by default, which a busy machine takes. */
function patient(wait: Wait): Wait {
  if (wait.name === 'patientWait') return wait; // files share their modules, and each runs this one
  return function patientWait(check, options = {}) {
    const given = typeof options === 'number' ? { timeout: options } : options;
    return wait(check, { ...given, timeout: Math.max(given.timeout ?? 0, PATIENCE_MS) });
  };
}

Object.assign(vi, { waitFor: patient(vi.waitFor as Wait), waitUntil: patient(vi.waitUntil as Wait) });
