import type { DecideContext, Decider } from '../../core/decider.ts';
import { CommandRejectedError, NotFoundError } from '../../core/errors.ts';
import type { DomainEvent, EventData, NewEvent } from '../../events/catalogue.ts';

type TaskEvent = 'task.requested' | 'task.completed' | 'task.failed';

/** What deciding needs to know of a task. */
export interface Task {
  readonly requested: boolean;
  readonly requiredAgents: readonly string[];
  /** Agents that answered, each with its first answer. */
  readonly answers: ReadonlyMap<string, 'completed' | 'failed'>;
}

export type TaskCommand =
  | ({ readonly kind: 'request' } & Omit<EventData<'task.requested'>, 'taskId'>)
  | ({ readonly kind: 'complete' } & Omit<EventData<'task.completed'>, 'taskId'>)
  | ({ readonly kind: 'fail' } & Omit<EventData<'task.failed'>, 'taskId'>);

/**
 * A task is requested once, and takes exactly one answer, completion or failure, from each agent that it requires.
 * An answer that comes after the task's end is recorded all the same: what an agent did is a fact.
 */
export const taskDecider: Decider<Task, TaskCommand, TaskEvent> = {
  aggregateType: 'task',
  initialState: { requested: false, requiredAgents: [], answers: new Map() },
  decide,
  evolve,
};

function decide(task: Task, command: TaskCommand, { id: taskId }: DecideContext): NewEvent<TaskEvent>[] {
  if (command.kind === 'request') {
    const { kind: _, ...data } = command;
    if (task.requested) throw new CommandRejectedError(`task ${taskId} was requested already`);
    return [{ type: 'task.requested', data: { taskId, ...data } }];
  }
  if (!task.requested) throw new NotFoundError(`task ${taskId} does not exist`);
  assertAwaited(task, taskId, command.agentId);
  if (command.kind === 'complete') {
    const { kind: _, ...data } = command;
    return [{ type: 'task.completed', data: { taskId, ...data } }];
  }
  const { kind: _, ...data } = command;
  return [{ type: 'task.failed', data: { taskId, ...data } }];
}

function assertAwaited(task: Task, taskId: string, agentId: string): void {
  if (!task.requiredAgents.includes(agentId)) {
    throw new CommandRejectedError(`task ${taskId} does not require agent ${agentId}`);
  }
  const answer = task.answers.get(agentId);
  if (answer) throw new CommandRejectedError(`agent ${agentId} has ${answer} its part of task ${taskId} already`);
}

function evolve(task: Task, event: DomainEvent<TaskEvent>): Task {
  switch (event.type) {
    case 'task.requested':
      return { ...task, requested: true, requiredAgents: event.data.requiredAgents };
    case 'task.completed':
      return { ...task, answers: answered(task, event.data.agentId, 'completed') };
    case 'task.failed':
      return { ...task, answers: answered(task, event.data.agentId, 'failed') };
  }
}

function answered({ answers }: Task, agentId: string, answer: 'completed' | 'failed'): Task['answers'] {
  return answers.has(agentId) ? answers : new Map([...answers, [agentId, answer]]);
}
