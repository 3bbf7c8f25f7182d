import { checkHealth, healthValue } from '../core/telemetry/health.ts';
import { scheduledHandler } from './runtime/handlers.ts';
import { healthChecks } from './runtime/health.ts';
import { logger, metrics, readEnvironment } from './runtime/stage.ts';

const parts = healthChecks(readEnvironment('health'));

/** Checks every table of a stage on a schedule, for the metric that an alarm watches. Failures are logged. */
export const handler = scheduledHandler(async () => {
  const { status, checks } = await checkHealth(parts);
  for (const [part, state] of Object.entries(checks)) metrics.gauge('health', { part }, healthValue[state]);
  if (status !== 'ok') logger.error(`the stage is ${status}`, checks);
});
