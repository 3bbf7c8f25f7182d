import * as z from 'zod';
import type { EventSystem } from '../../core/base/configuration.ts';
import { logLines } from '../../core/base/log-lines.ts';
import { DamageRecord, notingDamage } from '../../core/telemetry/damage.ts';
import { type Environment, environments, type FunctionName } from '../environment.ts';
import { createLogger } from './logger.ts';
import { createFunctionTelemetry } from './telemetry.ts';

/**
 * Reads a function's environment: the names of tables and other resources.
 * @throws Error that names the missing variable. It is no ValidationError, by which a function refuses a request
 */
export function readEnvironment<F extends FunctionName>(name: F): Environment<F> {
  const { data, error } = environments[name].safeParse(process.env);
  if (error) throw new Error(`the environment of ${name}: ${z.prettifyError(error)}`);
  return data as Environment<F>;
}

/**
 * The settings of `annals.config.ts` at deployment, with the defaults. The deployment has checked them: a check at each cold
 * start would take 10 ms.
 */
export const settings: EventSystem = JSON.parse(process.env['ANNALS_CONFIG'] ?? '');
export const telemetry = createFunctionTelemetry(settings);
export const { metrics, tracer } = telemetry;
/** The damaged data that this instance of the function has met. */
export const damage = new DamageRecord(() => metrics.count('corrupt_data_total', {}));
export const logger = notingDamage(createLogger(tracer), damage);
export const lines = logLines(logger);
