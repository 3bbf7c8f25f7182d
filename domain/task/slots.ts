import type { TaskAgents } from '../../events/task.ts';

/**
 * The parts of a task: the ids of the agents that it names, or a number for each agent of a type. A part is an item of the
 * task's saga.
 */
export const slotsOf = ({ requiredAgents, count = 1 }: TaskAgents): readonly string[] =>
  requiredAgents ?? Array.from({ length: count }, (_, index) => `slot-${index + 1}`);

/** The priority of a task that names none. */
export const USUAL_PRIORITY = 5;

/** The lists of tasks that wait for an agent, and for any agent of a type. */
export const inboxes = {
  ofWorker: (agentId: string) => `agent:${agentId}`,
  ofType: (agentType: string) => `type:${agentType}`,
};
