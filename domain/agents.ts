import { defineModule } from '../application/define-annals.ts';
import { definitions } from '../events/catalogue.ts';
import { agentDecider } from './agent/agent.ts';
import { agentStatus } from './agent/agent-status.ts';
import { budgetCounting } from './fleet/budget-counting.ts';
import { fleetOverview } from './fleet/fleet-overview.ts';
import { leaderboard } from './fleet/leaderboard.ts';
import { multiAgentTask } from './task/multi-agent-task-saga.ts';
import { taskDecider } from './task/task.ts';
import { taskStatus } from './task/task-status.ts';
import { workflowDecider } from './workflow/workflow.ts';
import { workflowSaga } from './workflow/workflow-saga.ts';
import { workflowStatus } from './workflow/workflow-status.ts';

/**
 * The module of agents, tasks and workflows. It has no privilege that another module lacks. A new aggregate, projection
 * or saga is a file with its declaration, and a name here.
 */
export const agents = defineModule({
  events: definitions,
  aggregates: [agentDecider, taskDecider, workflowDecider],
  projections: [agentStatus, taskStatus, workflowStatus, fleetOverview, leaderboard],
  sagas: [multiAgentTask, workflowSaga],
  budgets: budgetCounting,
  receives: ['otlp', 'claude-code'],
  // A test makes the file; the document alone needs it.
  examples: async () => (await import('./examples.json', { with: { type: 'json' } })).default,
});
