import { defineAggregate } from '../../application/aggregate.ts';
import { CommandRejectedError, LeaseLostError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import { withEntry } from '../../core/state/growing-map.ts';
import { decideOnClaim, taskClaims } from './claims.ts';
import type { Part, Task, TaskEvent } from './parts.ts';
import { slotsOf } from './slots.ts';
import { type TaskCommand, taskCommands } from './task-commands.ts';
import { taskView } from './task-view.ts';

type Of<Kind extends TaskCommand['kind']> = Extract<TaskCommand, { kind: Kind }>;

/**
 * A task is requested once. Each part gets exactly one answer, a completion or a failure. An answer after the end of the
 * task is recorded too.
 *
 * Each part is assigned or offered at most once, and released or withdrawn at most once. A release without an earlier
 * assignment is valid: it refuses the assignment that is on its way, so that no agent works on a failed task.
 *
 * A part that was claimed takes its answer under the number of its present claim alone. A named agent that never claimed
 * its part answers without a number.
 */
export const taskDecider = defineAggregate({
  aggregateType: 'task',
  initialState: { requested: false, slots: [], parts: new Map() } as Task,
  stateVersion: 3,
  commands: taskCommands,
  decide,
  evolve,
  admits: admitsDecided(decide, commandBehind),
  work: taskClaims,
  view: taskView,
});

/** Only the saga and leases write the other events. */
function commandBehind(event: NewEvent<TaskEvent>): TaskCommand | undefined {
  switch (event.type) {
    case 'task.requested': {
      const { taskId: _, ...data } = event.data;
      return { kind: 'request', ...data };
    }
    case 'task.completed': {
      const { taskId: _, slot: __, ...data } = event.data;
      return { kind: 'complete', ...data };
    }
    case 'task.failed': {
      const { taskId: _, slot: __, ...data } = event.data;
      return { kind: 'fail', ...data };
    }
    default:
      return undefined;
  }
}

function decide(task: Task, command: TaskCommand, context: DecideContext): NewEvent<TaskEvent>[] {
  const { id: taskId } = context;
  if (command.kind === 'request') {
    const { kind: _, ...data } = command;
    if (task.requested) throw new CommandRejectedError(`task ${taskId} was requested already`);
    return [{ type: 'task.requested', data: { taskId, ...data } }];
  }
  if (!task.requested) throw new NotFoundError(`task ${taskId} does not exist`);
  switch (command.kind) {
    case 'assign':
      assertRequired(task, taskId, command.agentId);
      return assign(task, taskId, command);
    case 'offer':
      return offer(task, taskId, command);
    case 'release':
      assertRequired(task, taskId, command.agentId);
      return release(task, taskId, command);
    case 'withdraw':
      return withdraw(task, taskId, command);
    case 'claim':
    case 'lose':
      return decideOnClaim(task, command, context);
    case 'complete':
    case 'fail':
      return answer(task, taskId, command);
  }
}

function assertRequired({ slots }: Task, taskId: string, agentId: string): void {
  if (!slots.includes(agentId)) throw new CommandRejectedError(`task ${taskId} does not require agent ${agentId}`);
}

function assign(task: Task, taskId: string, { kind: _, ...data }: Of<'assign'>): NewEvent<TaskEvent>[] {
  const { assigned, released } = task.parts.get(data.agentId) ?? {};
  if (released) throw new CommandRejectedError(`agent ${data.agentId} was released from task ${taskId}`);
  return assigned ? [] : [{ type: 'task.assigned', data: { taskId, ...data } }];
}

function offer(task: Task, taskId: string, { kind: _, ...data }: Of<'offer'>): NewEvent<TaskEvent>[] {
  const { assigned, released } = task.parts.get(data.slot) ?? {};
  if (released) throw new CommandRejectedError(`${data.slot} of task ${taskId} was withdrawn`);
  return assigned ? [] : [{ type: 'task.offered', data: { taskId, ...data } }];
}

function release(task: Task, taskId: string, { kind: _, ...data }: Of<'release'>): NewEvent<TaskEvent>[] {
  return task.parts.get(data.agentId)?.released ? [] : [{ type: 'task.released', data: { taskId, ...data } }];
}

function withdraw(task: Task, taskId: string, { kind: _, ...data }: Of<'withdraw'>): NewEvent<TaskEvent>[] {
  const { released, isClaimed, agentId } = task.parts.get(data.slot) ?? {};
  if (released) return [];
  const holder = isClaimed && agentId !== undefined ? { agentId } : {};
  return [{ type: 'task.withdrawn', data: { taskId, ...data, ...holder } }];
}

function answer(task: Task, taskId: string, command: Of<'complete' | 'fail'>): NewEvent<TaskEvent>[] {
  const { agentId } = command;
  const slot = slotOfAgent(task, taskId, command);
  const part = task.parts.get(slot) ?? {};
  if (part.answer) {
    throw new CommandRejectedError(`agent ${agentId} has ${part.answer} its part of task ${taskId} already`);
  }
  if (part.fencing !== undefined) assertHolds(part, taskId, command);
  const held = part.fencing === undefined ? {} : { slot, fencing: part.fencing };
  if (command.kind === 'complete') {
    const { kind: _, fencing: __, ...data } = command;
    return [{ type: 'task.completed', data: { taskId, ...data, ...held } }];
  }
  const { kind: _, fencing: __, ...data } = command;
  return [{ type: 'task.failed', data: { taskId, ...data, ...held } }];
}

/** The part that an agent answers for. @throws CommandRejectedError, LeaseLostError without one */
function slotOfAgent(task: Task, taskId: string, { agentId, fencing }: Of<'complete' | 'fail'>): string {
  if (task.agentType === undefined) {
    assertRequired(task, taskId, agentId);
    return agentId;
  }
  const own = task.slots.filter((slot) => task.parts.get(slot)?.agentId === agentId);
  const held = own.find((slot) => task.parts.get(slot)?.isClaimed) ?? own.find((slot) => task.parts.get(slot)?.answer);
  if (held !== undefined) return held;
  if (fencing !== undefined) throw new LeaseLostError(`agent ${agentId} holds no part of task ${taskId}`);
  throw new CommandRejectedError(`agent ${agentId} has claimed no part of task ${taskId}`);
}

/** @throws LeaseLostError unless the agent answers under the present claim */
function assertHolds(part: Part, taskId: string, { agentId, fencing }: Of<'complete' | 'fail'>): void {
  if (part.isClaimed && part.fencing === fencing && part.agentId === agentId) return;
  const given = fencing === undefined ? 'without a fencing number' : `under ${fencing}`;
  throw new LeaseLostError(
    `agent ${agentId} answers ${given}; the part of task ${taskId} ${part.isClaimed ? `is held under ${part.fencing}` : 'is held by nobody'}`,
  );
}

function evolve(task: Task, event: DomainEvent<TaskEvent>): Task {
  switch (event.type) {
    case 'task.requested': {
      const { agentType } = event.data;
      return {
        ...task,
        requested: true,
        slots: slotsOf(event.data),
        ...(agentType === undefined ? {} : { agentType }),
      };
    }
    case 'task.assigned':
      return withPart(task, event.data.agentId, { assigned: true, deadline: event.data.deadline });
    case 'task.offered':
      return withPart(task, event.data.slot, { assigned: true, deadline: event.data.deadline });
    case 'task.claimed': {
      const { slot, agentId, fencing } = event.data;
      return withPart(task, slot, { agentId, fencing, isClaimed: true });
    }
    case 'task.claim-lost': {
      const { slot, agentId, fencing } = event.data;
      return withPart(task, slot, { agentId, fencing, isClaimed: false });
    }
    case 'task.completed':
      return withAnswer(task, event.data.slot ?? event.data.agentId, 'completed');
    case 'task.failed':
      return withAnswer(task, event.data.slot ?? event.data.agentId, 'failed');
    case 'task.released':
      return withPart(task, event.data.agentId, { released: true });
    case 'task.withdrawn':
      return withPart(task, event.data.slot, { released: true });
  }
}

const withAnswer = (task: Task, slot: string, answer: NonNullable<Part['answer']>): Task =>
  task.parts.get(slot)?.answer ? task : withPart(task, slot, { answer });

function withPart({ parts, ...task }: Task, slot: string, change: Part): Task {
  return { ...task, parts: withEntry(parts, slot, { ...parts.get(slot), ...change }) };
}
