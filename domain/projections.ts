import type { AnyProjection } from '../core/projections/projection.ts';
import { agentStatus } from './agent/agent-status.ts';
import { fleetOverview } from './fleet/fleet-overview.ts';
import { leaderboard } from './fleet/leaderboard.ts';
import { sagaStatus } from './saga/saga-status.ts';
import { taskStatus } from './task/task-status.ts';
import { workflowStatus } from './workflow/workflow-status.ts';

/** Every projection. A new projection is a file with its declaration, and a line here. */
export const projections: readonly AnyProjection[] = [
  agentStatus,
  taskStatus,
  workflowStatus,
  sagaStatus,
  fleetOverview,
  leaderboard,
];
