import { inspect } from 'node:util';
import type { Logger } from '../../core/base/log-lines.ts';

/** Writes a log entry on standard error: time, level, message and details. An error in the details brings its stack. */
function write(level: string, message: string, details: Readonly<Record<string, unknown>>): void {
  const known = Object.entries(details).filter(([, value]) => value !== undefined);
  const rest = known.length > 0 ? ` ${inspect(Object.fromEntries(known), { breakLength: Infinity })}` : '';
  console.error(`${new Date().toISOString()} ${level} ${message}${rest}`);
}

/** A logger for terminals, and for services whose output is kept. */
export const consoleLogger: Logger = {
  warn: (message, details) => write('WARN', message, details),
  error: (message, details) => write('ERROR', message, details),
};
