import { Logger as Powertools } from '@aws-lambda-powertools/logger';
import { safeDetails } from '../../core/base/describe-error.ts';
import type { Tracer } from '../../core/telemetry/tracer.ts';

type Details = Readonly<Record<string, unknown>>;

/** The logger of a function. */
export interface FunctionLogger {
  info(message: string, details: Details): void;
  warn(message: string, details: Details): void;
  error(message: string, details: Details): void;
  /** The logger of Powertools that writes the lines, for Powertools' middlewares. */
  readonly powertools: Powertools;
}

/** Creates a logger that writes lines of JSON with the ids of the trace and its correlation, and without payloads. */
export function createLogger(tracer: Tracer): FunctionLogger {
  const powertools = new Powertools();
  const withIds = (details: Details) => ({ ...safeDetails(details), ...tracer.ids });
  return {
    info: (message, details) => powertools.info(message, withIds(details)),
    warn: (message, details) => powertools.warn(message, withIds(details)),
    error: (message, details) => powertools.error(message, withIds(details)),
    powertools,
  };
}
