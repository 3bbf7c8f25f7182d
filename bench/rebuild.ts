import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createEngine } from '../adapters/embedded/engine/engine.ts';
import agents from '../domain/application.ts';
import { catalogue } from '../test/support/application.ts';
import { sampleEvents } from './harness/events.ts';

const { projections } = agents;

// Rebuilds agent-status over EVENTS events of 300 bytes on one machine, with and without a writer beside it.

const EVENTS = Number(process.env['EVENTS'] ?? 100_000);
const STREAMS = 1_000;
const PER_COMMIT = 5;

const dataDir = mkdtempSync(join(tmpdir(), 'annals-bench-'));
const logger = { warn: console.error, error: console.error };
const engine = createEngine({ catalogue, dataDir, projections, logger });

async function fill(): Promise<void> {
  const events = sampleEvents(PER_COMMIT);
  for (let round = 0; round < EVENTS / STREAMS / PER_COMMIT; round++) {
    const appended = Array.from({ length: STREAMS }, (_, id) =>
      engine.store.append(`agent-${id}`, events, { expectedVersion: round * PER_COMMIT, headKnown: true }),
    );
    await Promise.all(appended);
  }
}

async function caughtUp(): Promise<void> {
  while ((await engine.projectionStatus()).some(({ lag }) => lag > 0)) await delay(10);
}

async function rebuild(replayId: string): Promise<number> {
  const begin = performance.now();
  await engine.replays.request({ replayId, projection: 'agent-status', scope: {}, switchWhenReady: true });
  for (;;) {
    const { state, reason } = await engine.replays.get(replayId);
    if (state === 'switched') return performance.now() - begin;
    if (state === 'failed') throw new Error(reason);
    await delay(5);
  }
}

/** Appends single events in sequence until it is stopped. @returns the sorted times of the appends */
async function write(stopped: () => boolean): Promise<number[]> {
  const [event] = sampleEvents(1);
  const took: number[] = [];
  while (event && !stopped()) {
    const begin = performance.now();
    await engine.store.append(`agent-${took.length % STREAMS}`, [event], { expectedVersion: 'any' });
    took.push(performance.now() - begin);
  }
  return took.toSorted((a, b) => a - b);
}

const at = (sorted: readonly number[], part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
const row = (ms: number, more: object = {}) => ({
  seconds: (ms / 1_000).toFixed(2),
  'events/s': Math.round((EVENTS / ms) * 1_000),
  ...more,
});

try {
  await fill();
  engine.start();
  await caughtUp();
  const alone = await rebuild('alone');
  let over = false;
  const writing = write(() => over);
  const beside = await rebuild('beside');
  over = true;
  const appends = await writing;
  const latency = { appends: appends.length, 'append p50 ms': at(appends, 0.5), 'append p99 ms': at(appends, 0.99) };
  console.log(
    `rebuild of agent-status, ${EVENTS.toLocaleString('en')} events in ${STREAMS.toLocaleString('en')} streams`,
  );
  console.table({ 'nothing beside it': row(alone), 'a writer beside it': row(beside, latency) });
} finally {
  await engine.close();
  rmSync(dataDir, { recursive: true });
}
