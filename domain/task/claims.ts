import { CommandRejectedError } from '../../core/base/errors.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import type { Task, TaskEvent } from './parts.ts';
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
