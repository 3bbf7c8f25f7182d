import type { AnyDecider } from '../core/state/decider.ts';
import { agentDecider } from './agent/agent.ts';
import { taskDecider } from './task/task.ts';
import { workflowDecider } from './workflow/workflow.ts';

/** Every aggregate that takes commands. A new aggregate is a file with its decider, and a line here. */
export const aggregates: readonly AnyDecider[] = [agentDecider, taskDecider, workflowDecider];
