import * as z from 'zod';
import type { EventSystem } from '../../core/base/configuration.ts';
import { logLines } from '../../core/base/log-lines.ts';
import { DamageRecord, notingDamage } from '../../core/telemetry/damage.ts';
import { type Environment, environments, type FunctionName } from '../environment.ts';
import { createLogger } from './logger.ts';
import { createFunctionTelemetry } from './telemetry.ts';

/**
 * The names of tables and the like that the deployment gave a function.
 * @throws Error that names the missing variable: no ValidationError, by which a function refuses what it is asked for
 */
export function environmentOf<F extends FunctionName>(name: F): Environment<F> {
  const { data, error } = environments[name].safeParse(process.env);
  if (error) throw new Error(`the environment of ${name}: ${z.prettifyError(error)}`);
  return data as Environment<F>;
}

/**
 * What `annals.config.ts` said at deployment, with the defaults. The deployment has checked it: to check it once more at every
 * cold start would take 10 ms.
 */
export const settings: EventSystem = JSON.parse(process.env['ANNALS_CONFIG'] ?? '');
export const telemetry = createFunctionTelemetry(settings);
export const { metrics, tracer } = telemetry;
/** What this instance of the function has met of damaged data. */
export const damage = new DamageRecord(() => metrics.count('corrupt_data_total', {}));
export const logger = notingDamage(createLogger(tracer), damage);
export const lines = logLines(logger);
