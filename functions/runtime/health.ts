import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import type { HealthCheck } from '../../core/telemetry/health.ts';
import type { Environment } from '../environment.ts';
import { commitsIn, controlIn, storedViewsIn } from './stores.ts';

/** An id that no stream, view or control item has: a check reads an item that does not exist. */
const ABSENT = 'health';

/** The checks of a stage, one for each table. The events are vital: without them nothing works. */
export function healthChecks({
  EVENTS_TABLE,
  VIEWS_TABLE,
  CONTROL_TABLE,
  LOG_TABLE,
}: Environment<'health'>): HealthCheck[] {
  const log = new DynamoLogStorage(dynamoDb(), LOG_TABLE);
  return [
    { name: 'events', vital: true, check: () => commitsIn(EVENTS_TABLE).head(`agent-${ABSENT}`) },
    { name: 'views', vital: false, check: () => storedViewsIn(VIEWS_TABLE).get(ABSENT, 1, ABSENT) },
    { name: 'control', vital: false, check: () => controlIn(CONTROL_TABLE).get(ABSENT, ABSENT) },
    { name: 'log', vital: false, check: () => log.last(ABSENT) },
  ];
}
