import { CommandRejectedError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, EventData, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext, Decider } from '../../core/state/decider.ts';

type TaskEvent = 'task.requested' | 'task.assigned' | 'task.completed' | 'task.failed' | 'task.released';
type AgentAnswer = 'completed' | 'failed';

/** What deciding needs to know of a task. */
export interface Task {
  readonly requested: boolean;
  readonly requiredAgents: readonly string[];
  readonly assigned: ReadonlySet<string>;
  readonly released: ReadonlySet<string>;
  /** Agents that answered, each with its first answer. */
  readonly answers: ReadonlyMap<string, AgentAnswer>;
}

export type TaskCommand =
  | ({ readonly kind: 'request' } & Omit<EventData<'task.requested'>, 'taskId'>)
  | ({ readonly kind: 'assign' } & Omit<EventData<'task.assigned'>, 'taskId'>)
  | ({ readonly kind: 'complete' } & Omit<EventData<'task.completed'>, 'taskId'>)
  | ({ readonly kind: 'fail' } & Omit<EventData<'task.failed'>, 'taskId'>)
  | ({ readonly kind: 'release' } & Omit<EventData<'task.released'>, 'taskId'>);

/**
 * A task is requested once, and takes exactly one answer, completion or failure, from each agent that it requires.
 * An answer that comes after the task's end is recorded all the same: what an agent did is a fact.
 *
 * Each agent is assigned at most once and released at most once. A release stands also where no assignment came before
 * it: an assignment that was on its way is then refused, so that nobody works on what was given up.
 */
export const taskDecider: Decider<Task, TaskCommand, TaskEvent> = {
  aggregateType: 'task',
  initialState: { requested: false, requiredAgents: [], assigned: new Set(), released: new Set(), answers: new Map() },
  decide,
  evolve,
  admits: admitsDecided(decide, commandBehind),
};

/** Assignments and releases are the saga's. */
function commandBehind(event: NewEvent<TaskEvent>): TaskCommand | undefined {
  switch (event.type) {
    case 'task.requested': {
      const { taskId: _, ...data } = event.data;
      return { kind: 'request', ...data };
    }
    case 'task.completed': {
      const { taskId: _, ...data } = event.data;
      return { kind: 'complete', ...data };
    }
    case 'task.failed': {
      const { taskId: _, ...data } = event.data;
      return { kind: 'fail', ...data };
    }
    case 'task.assigned':
    case 'task.released':
      return undefined;
  }
}

function decide(task: Task, command: TaskCommand, { id: taskId }: DecideContext): NewEvent<TaskEvent>[] {
  if (command.kind === 'request') {
    const { kind: _, ...data } = command;
    if (task.requested) throw new CommandRejectedError(`task ${taskId} was requested already`);
    return [{ type: 'task.requested', data: { taskId, ...data } }];
  }
  if (!task.requested) throw new NotFoundError(`task ${taskId} does not exist`);
  if (!task.requiredAgents.includes(command.agentId)) {
    throw new CommandRejectedError(`task ${taskId} does not require agent ${command.agentId}`);
  }
  switch (command.kind) {
    case 'assign':
      return assign(task, taskId, command);
    case 'release':
      return release(task, taskId, command);
    default:
      return answer(task, taskId, command);
  }
}

function assign(task: Task, taskId: string, command: Extract<TaskCommand, { kind: 'assign' }>): NewEvent<TaskEvent>[] {
  const { kind: _, ...data } = command;
  if (task.released.has(data.agentId)) {
    throw new CommandRejectedError(`agent ${data.agentId} was released from task ${taskId}`);
  }
  if (task.assigned.has(data.agentId)) return [];
  return [{ type: 'task.assigned', data: { taskId, ...data } }];
}

function release(
  task: Task,
  taskId: string,
  command: Extract<TaskCommand, { kind: 'release' }>,
): NewEvent<TaskEvent>[] {
  const { kind: _, ...data } = command;
  return task.released.has(data.agentId) ? [] : [{ type: 'task.released', data: { taskId, ...data } }];
}

function answer(
  task: Task,
  taskId: string,
  command: Extract<TaskCommand, { kind: 'complete' | 'fail' }>,
): NewEvent<TaskEvent>[] {
  const given = task.answers.get(command.agentId);
  if (given) throw new CommandRejectedError(`agent ${command.agentId} has ${given} its part of task ${taskId} already`);
  if (command.kind === 'complete') {
    const { kind: _, ...data } = command;
    return [{ type: 'task.completed', data: { taskId, ...data } }];
  }
  const { kind: _, ...data } = command;
  return [{ type: 'task.failed', data: { taskId, ...data } }];
}

function evolve(task: Task, event: DomainEvent<TaskEvent>): Task {
  switch (event.type) {
    case 'task.requested':
      return { ...task, requested: true, requiredAgents: event.data.requiredAgents };
    case 'task.assigned':
      return { ...task, assigned: new Set([...task.assigned, event.data.agentId]) };
    case 'task.completed':
      return { ...task, answers: answered(task, event.data.agentId, 'completed') };
    case 'task.failed':
      return { ...task, answers: answered(task, event.data.agentId, 'failed') };
    case 'task.released':
      return { ...task, released: new Set([...task.released, event.data.agentId]) };
  }
}

function answered({ answers }: Task, agentId: string, answer: AgentAnswer): Task['answers'] {
  return answers.has(agentId) ? answers : new Map([...answers, [agentId, answer]]);
}
