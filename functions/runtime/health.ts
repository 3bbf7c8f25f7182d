import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import type { HealthCheck } from '../../core/telemetry/health.ts';
import type { Environment } from '../environment.ts';
import { commitsIn, controlIn, storedViewsIn } from './stores.ts';

/** A name that no stream, view or control item has: each part is tried with one read of what is not there. */
const NOBODY = 'health';

/** The parts of a stage. The events are the truth: without them nothing works. */
export function partsOf({ EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE }: Environment<'health'>): HealthCheck[] {
  const log = new DynamoLogStorage(dynamoDb(), LOG_TABLE);
  return [
    { name: 'events', vital: true, check: () => commitsIn(EVENTS_TABLE).head(`agent-${NOBODY}`) },
    { name: 'views', vital: false, check: () => storedViewsIn(VIEWS_TABLE).get(NOBODY, 1, NOBODY) },
    { name: 'control', vital: false, check: () => controlIn(CONTROL_TABLE).get(NOBODY, NOBODY) },
    { name: 'log', vital: false, check: () => log.last(NOBODY) },
  ];
}
