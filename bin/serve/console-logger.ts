import { inspect } from 'node:util';
import type { Logger } from '../../core/base/log-lines.ts';

/** One entry of a log on standard error: when, how bad, what, and the details; a stack only where there is an error. */
function write(level: string, message: string, details: Readonly<Record<string, unknown>>): void {
  const known = Object.entries(details).filter(([, value]) => value !== undefined);
  const rest = known.length > 0 ? ` ${inspect(Object.fromEntries(known), { breakLength: Infinity })}` : '';
  console.error(`${new Date().toISOString()} ${level} ${message}${rest}`);
}

/** Tells people at a terminal, and whatever keeps the output of a service. */
export const consoleLogger: Logger = {
  warn: (message, details) => write('WARN', message, details),
  error: (message, details) => write('ERROR', message, details),
};
