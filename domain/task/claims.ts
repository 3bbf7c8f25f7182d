import { CommandRejectedError } from '../../core/base/errors.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import type { Claiming } from '../../core/leases/claiming.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import type { Task, TaskEvent } from './parts.ts';
import { inboxes } from './slots.ts';
import type { TaskCommand } from './task-commands.ts';

type ClaimCommand = Extract<TaskCommand, { kind: 'claim' | 'lose' }>;

/**
 * Claims of parts, and their losses. The number of a claim is the next one of its part. The loss of a claim that never
 * came takes its number as well: the claim, if it is still on its way, is refused then.
 */
export function decideOnClaim(task: Task, command: ClaimCommand, { id: taskId }: DecideContext): NewEvent<TaskEvent>[] {
  const { slot, agentId, fencing } = command;
  const part = task.parts.get(slot) ?? {};
  const next = (part.fencing ?? 0) + 1;
  const isOver = part.released || part.answer !== undefined;
  if (command.kind === 'lose') {
    const isHeld = part.isClaimed === true && part.fencing === fencing;
    const isOnItsWay = !part.isClaimed && fencing === next;
    if (isOver || !(isHeld || isOnItsWay)) return [];
    return [{ type: 'task.claim-lost', data: { taskId, slot, agentId, fencing, reason: command.reason } }];
  }
  if (!part.assigned || isOver || part.isClaimed || fencing !== next) {
    throw new CommandRejectedError(`${slot} of task ${taskId} does not wait for claim ${fencing}`);
  }
  assertMayClaim(task, taskId, command);
  return [{ type: 'task.claimed', data: { taskId, slot, agentId, fencing, until: command.until } }];
}

/** @throws CommandRejectedError unless the task may be given to the agent */
function assertMayClaim(
  { agentType, slots, parts }: Task,
  taskId: string,
  { slot, agentId, agentType: given }: Extract<ClaimCommand, { kind: 'claim' }>,
): void {
  if (agentType === undefined) {
    if (slot !== agentId) throw new CommandRejectedError(`${slot} of task ${taskId} is of agent ${slot} alone`);
    return;
  }
  if (given !== agentType) {
    throw new CommandRejectedError(`task ${taskId} is for agents of type ${agentType}; say so as agentType`);
  }
  const has = slots.some((other) => {
    const part = parts.get(other);
    return part?.agentId === agentId && (part.isClaimed || part.answer !== undefined);
  });
  if (has) throw new CommandRejectedError(`agent ${agentId} has a part of task ${taskId}, and needs no second`);
}

/** How leases see the parts of a task. */
export const taskClaims: Claiming<Task, TaskCommand> = {
  part: ({ slots, parts }, slot) => {
    if (!slots.includes(slot)) return undefined;
    const { fencing = 0, isClaimed = false, agentId, released, answer } = parts.get(slot) ?? {};
    return { fencing, isClaimed, workerId: agentId, isOver: released === true || answer !== undefined };
  },
  waiting: ({ agentType, slots, parts }, { workerId, workerType }) => {
    const open = slots.filter((slot) => {
      const { assigned, isClaimed, released, answer } = parts.get(slot) ?? {};
      return assigned && !isClaimed && !released && answer === undefined;
    });
    if (agentType === undefined) return open.find((slot) => slot === workerId);
    return agentType === workerType ? open[0] : undefined;
  },
  held: ({ slots, parts }, agentId) =>
    slots.find((slot) => parts.get(slot)?.agentId === agentId && parts.get(slot)?.isClaimed) ??
    slots.find((slot) => parts.get(slot)?.agentId === agentId),
  claim: ({ workerId, workerType, slot, fencing, until }) => {
    const type = workerType === undefined ? {} : { agentType: workerType };
    return { kind: 'claim', slot, agentId: workerId, fencing, until, ...type };
  },
  lose: ({ workerId, slot, fencing, reason }) => ({ kind: 'lose', slot, agentId: workerId, fencing, reason }),
  inboxes,
};
