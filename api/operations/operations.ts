import type { AppDeps } from '../http/app.ts';
import type { Route } from '../http/route.ts';
import { type DeadLetterDeps, deadLetterOperations } from './dead-letter-routes.ts';
import { type FailedBatchDeps, failedBatchRoutes } from './failed-batch-routes.ts';
import { type KeyedDeps, keyedOperation } from './keyed-operations.ts';
import { type ReplayDeps, replayRoutes } from './replay-routes.ts';
import { type VerificationDeps, verificationRoutes } from './verification-routes.ts';

/** The parts that the routes of operators need. */
export interface OperateDeps
  extends AppDeps,
    KeyedDeps,
    ReplayDeps,
    DeadLetterDeps,
    FailedBatchDeps,
    VerificationDeps {}

/** The routes by which operators change views. On AWS a separate function with other permissions answers them. */
const all: readonly Route<OperateDeps>[] = [
  ...replayRoutes,
  ...deadLetterOperations,
  ...failedBatchRoutes,
  ...verificationRoutes,
];
/** Every route of operators that changes views. A repeat under the same idempotency key gets the first answer. */
export const operationRoutes = all.map(keyedOperation);
