import { defineAnnals } from '../core/application/define-annals.ts';
import { catalogue } from '../events/catalogue.ts';
import { agentDecider } from './agent/agent.ts';
import { agentStatus } from './agent/agent-status.ts';
import { fleetOverview } from './fleet/fleet-overview.ts';
import { leaderboard } from './fleet/leaderboard.ts';
import { sagaStatus } from './saga/saga-status.ts';
import { multiAgentTask } from './task/multi-agent-task-saga.ts';
import { taskDecider } from './task/task.ts';
import { taskStatus } from './task/task-status.ts';
import { workflowDecider } from './workflow/workflow.ts';
import { workflowSaga } from './workflow/workflow-saga.ts';
import { workflowStatus } from './workflow/workflow-status.ts';

/** Agents, tasks and workflows. A new aggregate, projection or saga is a file with its declaration, and a name here. */
export const agents = defineAnnals({
  catalogue,
  aggregates: [agentDecider, taskDecider, workflowDecider],
  projections: [agentStatus, taskStatus, workflowStatus, sagaStatus, fleetOverview, leaderboard],
  sagas: [multiAgentTask, workflowSaga],
});
