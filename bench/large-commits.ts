import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createEngine } from '../adapters/embedded/engine/engine.ts';
import agents from '../domain/application.ts';
import { catalogue } from '../test/support/application.ts';
import { endOf } from '../test/support/log-end.ts';
import { sampleEvents } from './harness/events.ts';

const { folds, projections, sagas } = agents;

// A single machine: a start with 50 commits of 4.5 MB that no consumer has processed: memory, the longest stall of the event
// loop, and the time until views and log have them. It runs itself with `fill <folder>` in another process to make the folder.

const COMMITS = 50;
const BYTES = 4_500_000;
const logger = { warn: () => {}, error: console.error };
const open = (dataDir: string) => createEngine({ catalogue, dataDir, projections, folds, sagas, logger });

async function fill(dataDir: string): Promise<void> {
  const engine = open(dataDir);
  for (let n = 0; n < COMMITS; n += 1) {
    const agentId = `large-${n}`;
    const created = { agentId, agentType: 'bench', configuration: {}, createdBy: 'bench' };
    await engine.store.append(`agent-${agentId}`, [{ type: 'agent.created', data: created }], { expectedVersion: 0 });
    const events = sampleEvents(1, BYTES).map((event) => ({ ...event, data: { ...event.data, agentId } }));
    await engine.store.append(`agent-${agentId}`, events, { expectedVersion: 1 });
  }
  await engine.close();
}

async function start(dataDir: string): Promise<void> {
  const before = process.memoryUsage().rss;
  let most = before;
  const memory = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  const engine = open(dataDir);
  await delay(100);
  stalls.enable();
  const began = performance.now();
  engine.start();
  const events = 2 * COMMITS;
  const isDone = async () =>
    (await engine.projectionStatus()).every(({ lag }) => lag === 0) &&
    Number.parseInt((await endOf(engine.log)).slice(0, 12), 16) === events;
  while (!(await isDone())) await delay(20);
  const seconds = (performance.now() - began) / 1_000;
  stalls.disable();
  clearInterval(memory);
  const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);
  const figures = { seconds, 'longest stall, ms': stalls.max / 1e6, 'p99 stall, ms': stalls.percentile(99) / 1e6 };
  console.log(`a start with ${COMMITS} commits of ${BYTES} bytes`);
  console.table({ figures: { ...figures, 'MB before': megabytes(before), 'MB at most': megabytes(most) } });
  await engine.close();
}

const [folder] = process.argv.slice(process.argv.indexOf('fill') + 1);
if (process.argv.includes('fill') && folder) await fill(folder);
else {
  const scratch = mkdtempSync(join(tmpdir(), 'annals-bench-'));
  execFileSync(process.execPath, [import.meta.filename, 'fill', join(scratch, 'data')], { stdio: 'inherit' });
  await start(join(scratch, 'data'));
  rmSync(scratch, { recursive: true });
}
