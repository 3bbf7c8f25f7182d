import { type AnyFold, stateFold, viewFold } from '../core/fold.ts';
import { isShared } from '../core/projection.ts';
import { agentDecider } from './agent/agent.ts';
import { projections } from './projections.ts';
import { taskDecider } from './task/task.ts';
import { workflowDecider } from './workflow/workflow.ts';

/** Every state that snapshots are kept of: what aggregates decide on, and the views of their streams. */
export const folds: readonly AnyFold[] = [
  stateFold(agentDecider),
  stateFold(taskDecider),
  stateFold(workflowDecider),
  ...projections.flatMap((projection) => (isShared(projection) ? [] : [viewFold(projection)])),
];
