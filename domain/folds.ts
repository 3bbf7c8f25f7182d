import { isShared } from '../core/projections/projection.ts';
import { viewFold } from '../core/projections/view-fold.ts';
import { type AnyFold, stateFold } from '../core/state/fold.ts';
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
