import type { Engine } from '../../adapters/embedded/engine/engine.ts';
import { CommandRejectedError } from '../../core/base/errors.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { taskDecider } from '../../domain/task/task.ts';

/** Agents that complete every assignment, also when it is delivered twice. */
export function answerAssignments({ bus, store }: Pick<Engine, 'bus' | 'store'>): void {
  bus.subscribe('task.assigned', async ({ data: { taskId, agentId } }) => {
    const part = { kind: 'complete', agentId, result: `${agentId} did it`, duration: 1, resources: {} } as const;
    await handleCommand(store, taskDecider, taskId, part).catch((error: unknown) => {
      if (!(error instanceof CommandRejectedError)) throw error;
    });
  });
}
