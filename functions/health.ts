import { checkHealth, healthValue } from '../core/telemetry/health.ts';
import { scheduledHandler } from './runtime/handlers.ts';
import { partsOf } from './runtime/health.ts';
import { environmentOf, logger, metrics } from './runtime/stage.ts';

const parts = partsOf(environmentOf('health'));

/** Tries every part of a stage, for the metric that an alarm watches; what fails is logged. Runs by the clock. */
export const handler = scheduledHandler(async () => {
  const { status, checks } = await checkHealth(parts);
  for (const [part, state] of Object.entries(checks)) metrics.gauge('health', { part }, healthValue[state]);
  if (status !== 'ok') logger.error(`the stage is ${status}`, checks);
});
