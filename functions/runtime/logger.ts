import { Logger as Powertools } from '@aws-lambda-powertools/logger';
import { safeDetails } from '../../core/base/describe-error.ts';
import type { Tracer } from '../../core/telemetry/tracer.ts';

type Details = Readonly<Record<string, unknown>>;

export interface FunctionLogger {
  info(message: string, details: Details): void;
  warn(message: string, details: Details): void;
  error(message: string, details: Details): void;
  /** The logger behind this one, for Powertools' own middlewares. */
  readonly powertools: Powertools;
}

/** Lines of JSON with the ids of the trace and the conversation, and no payloads. */
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
