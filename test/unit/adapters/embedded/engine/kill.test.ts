import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { createEngine, type Engine } from '../../../../../adapters/embedded/engine/engine.ts';
import { openDataFolder, StartupError } from '../../../../../adapters/embedded/sqlite/database.ts';
import { evolveView } from '../../../../../core/projections/projection.ts';
import { LIVE_GENERATION } from '../../../../../core/projections/projector.ts';
import { agentStatus } from '../../../../../domain/agent/agent-status.ts';
import agents from '../../../../../domain/application.ts';
import { catalogue } from '../../../../support/application.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const { projections } = agents;

const script = fileURLToPath(new URL('../../../../support/append-until-killed.ts', import.meta.url));

/** Runs the script until it printed so many lines, kills it with no warning, and gives all that it printed. */
async function runAndKill(dataDir: string, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (printed.push(line) !== lines) continue;
    expect(() => openDataFolder(dataDir)).toThrow(StartupError); // it has the folder for itself
    child.kill('SIGKILL');
  }
  await closed;
  expect(child.signalCode).toBe('SIGKILL');
  return printed;
}

/** What the view of a stream has to be: its events folded one by one, each of which has to be there. */
async function foldOf(engine: Engine, stream: string): Promise<{ view: object | undefined; version: number }> {
  let view: object | undefined;
  let version = 0;
  for await (const event of engine.store.read(stream)) {
    version += 1;
    expect(event.sequenceNumber).toBe(version);
    view = evolveView(agentStatus as never, view as never, event);
  }
  return { view, version };
}

it('a kill at any moment loses no acknowledged commit, leaves no gap, and keeps the views correct', async () => {
  const dataDir = join(temporaryFolder(), 'data');
  const acknowledged = new Map<string, number>();
  for (const lines of [1, 150, 400]) {
    for (const line of await runAndKill(dataDir, lines)) {
      const [stream = '', version] = line.split(' ');
      expect(stream, line).toMatch(/^agent-\d$/);
      acknowledged.set(stream, Number(version));
    }
  }
  const logger = { warn: vi.fn(), error: vi.fn() };
  const engine = createEngine({ catalogue, dataDir, projections, logger });
  engine.start();
  await vi.waitFor(
    async () => expect((await engine.projectionStatus()).map(({ lag }) => lag)).toEqual(projections.map(() => 0)),
    10_000,
  );

  expect(acknowledged.size).toBe(4);
  for (const [stream, version] of acknowledged) {
    const fold = await foldOf(engine, stream);
    expect(fold.version).toBeGreaterThanOrEqual(version);
    const stored = await engine.views.get(agentStatus.name, LIVE_GENERATION, stream.replace('agent-', ''));
    expect(stored?.version).toBe(fold.version);
    expect(stored?.view).toEqual(fold.view);
  }
  await engine.close();
  expect(logger.warn).not.toHaveBeenCalled();
  expect(logger.error).not.toHaveBeenCalled();
});
