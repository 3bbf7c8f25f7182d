import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { createEngine } from '../../../../../adapters/embedded/engine/engine.ts';
import agents from '../../../../../domain/application.ts';
import { catalogue } from '../../../../support/application.ts';
import { answerAssignments } from '../../../../support/obedient-agents.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const { projections, sagas } = agents;

const script = fileURLToPath(new URL('../../../../support/run-sagas-until-killed.ts', import.meta.url));

/** Runs the script until it has requested so many tasks, and kills it with no warning. */
async function runAndKill(dataDir: string, run: number, tasks: number): Promise<string[]> {
  const child = spawn(process.execPath, [script, dataDir, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    expect(line).not.toMatch(/^failed/);
    if (printed.push(line) === tasks) child.kill('SIGKILL');
  }
  await closed;
  expect(child.signalCode).toBe('SIGKILL');
  return printed;
}

it('sagas go on after a kill at any moment, and repeat no step', async () => {
  const dataDir = join(temporaryFolder(), 'data');
  const tasks: string[] = [];
  for (const [run, count] of [10, 45, 80].entries()) tasks.push(...(await runAndKill(dataDir, run, count)));

  const logger = { warn: vi.fn(), error: vi.fn() };
  const engine = createEngine({ catalogue, dataDir, projections, sagas, logger });
  answerAssignments(engine);
  engine.start();
  const types = async (stream: string) =>
    (await Array.fromAsync(engine.store.read(stream))).map(({ type }) => type).toSorted();
  await vi.waitFor(
    async () => {
      for (const task of tasks) {
        expect(await types(`saga-multi-agent-task:${task}`)).toContain('saga.completed');
      }
    },
    { timeout: 30_000, interval: 50 },
  );
  for (const task of tasks) {
    expect(await types(`saga-multi-agent-task:${task}`)).toEqual([
      'multi-agent-task.completed',
      'saga.completed',
      'saga.started',
      'saga.step-completed',
      'saga.step-completed',
      'saga.step-completed',
      'saga.step-started',
    ]);
    expect(await types(`task-${task}`)).toEqual([
      ...Array(3).fill('task.assigned'),
      ...Array(3).fill('task.completed'),
      'task.requested',
    ]);
  }
  await engine.close();
  expect(logger.error).not.toHaveBeenCalled();
});
