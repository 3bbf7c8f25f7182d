import { defineAggregate } from '../../application/aggregate.ts';
import { CommandRejectedError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import { withEntry } from '../../core/state/growing-map.ts';
import { type TaskCommand, taskCommands } from './task-commands.ts';
import { taskView } from './task-view.ts';

export type TaskEvent = 'task.requested' | 'task.assigned' | 'task.completed' | 'task.failed' | 'task.released';
type AgentAnswer = 'completed' | 'failed';

/** The facts that decisions about a task need. */
export interface Task {
  readonly requested: boolean;
  readonly requiredAgents: readonly string[];
  readonly agents: ReadonlyMap<string, Assignment>;
}

interface Assignment {
  readonly assigned?: true;
  readonly released?: true;
  /** The agent's first answer. */
  readonly answer?: AgentAnswer;
}

/**
 * A task is requested once. Each required agent gives exactly one answer, a completion or a failure. An answer after
 * the end of the task is recorded too.
 *
 * Each agent is assigned at most once and released at most once. A release without an earlier assignment is valid: it
 * refuses the assignment that is on its way, so that no agent works on a failed task.
 */
export const taskDecider = defineAggregate({
  aggregateType: 'task',
  initialState: { requested: false, requiredAgents: [], agents: new Map() } as Task,
  stateVersion: 2,
  commands: taskCommands,
  decide,
  evolve,
  admits: admitsDecided(decide, commandBehind),
  view: taskView,
});

/** Only the saga writes assignments and releases. */
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
  const { assigned, released } = task.agents.get(data.agentId) ?? {};
  if (released) {
    throw new CommandRejectedError(`agent ${data.agentId} was released from task ${taskId}`);
  }
  if (assigned) return [];
  return [{ type: 'task.assigned', data: { taskId, ...data } }];
}

function release(
  task: Task,
  taskId: string,
  command: Extract<TaskCommand, { kind: 'release' }>,
): NewEvent<TaskEvent>[] {
  const { kind: _, ...data } = command;
  return task.agents.get(data.agentId)?.released ? [] : [{ type: 'task.released', data: { taskId, ...data } }];
}

function answer(
  task: Task,
  taskId: string,
  command: Extract<TaskCommand, { kind: 'complete' | 'fail' }>,
): NewEvent<TaskEvent>[] {
  const given = task.agents.get(command.agentId)?.answer;
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
      return withAgent(task, event.data.agentId, { assigned: true });
    case 'task.completed':
      return withAnswer(task, event.data.agentId, 'completed');
    case 'task.failed':
      return withAnswer(task, event.data.agentId, 'failed');
    case 'task.released':
      return withAgent(task, event.data.agentId, { released: true });
  }
}

const withAnswer = (task: Task, agentId: string, answer: AgentAnswer): Task =>
  task.agents.get(agentId)?.answer ? task : withAgent(task, agentId, { answer });

function withAgent({ agents, ...task }: Task, agentId: string, change: Assignment): Task {
  return { ...task, agents: withEntry(agents, agentId, { ...agents.get(agentId), ...change }) };
}
