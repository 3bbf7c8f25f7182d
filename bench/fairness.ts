import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { NewEvent } from '../core/events/catalogue.ts';
import { serve } from '../test/support/served-process.ts';
import { fillDataFolder } from './harness/history.ts';
import { latencyFor } from './harness/latency.ts';

// A single machine: the time of `/health` and of a single append, alone and beside ten of the worst reads, for
// FAIRNESS_SECONDS (20) each. FAIRNESS_EVENTS (1,000,000) is the number of events. FAIRNESS_DATA names a data folder that is
// kept, and filled when it does not exist.

const EVENTS = Number(process.env['FAIRNESS_EVENTS'] ?? 1_000_000);
const SECONDS = Number(process.env['FAIRNESS_SECONDS'] ?? 20);
const scratch = mkdtempSync(join(tmpdir(), 'annals-bench-'));
const dataDir = process.env['FAIRNESS_DATA'] ?? join(scratch, 'data');
if (!existsSync(dataDir)) await fillDataFolder(dataDir, EVENTS);

/** Each read repeats as soon as it is answered. Paths with `next` continue where the last answer ended. */
function worstReads(at: (share: number) => string): readonly string[] {
  return [
    '/events?aggregateType=workflow',
    '/events?type=agent.forked',
    '/events?limit=1000',
    `/events?limit=1000&from=${at(0.5)}`,
    `/projections/agent-status?limit=1000&at=${at(1)}`,
    `/projections/agent-status?limit=1000&at=${at(0.5)}`,
    `/projections/fleet-overview/all?at=${at(0.7)}`,
    '/streams/agent-long/events?limit=1000',
    `/agents/long?version=${EVENTS / 10 - 1}`,
    '/agents?limit=1000',
  ];
}

const { url, child, finished } = await serve(dataDir);
try {
  const first = await json(`${url}/events?limit=1`);
  const start = Date.parse(first.events[0].metadata.recordedAt);
  const end = Date.now();
  const reads = worstReads((share) => new Date(start + (end - start) * share).toISOString());
  const health = () => request(`${url}/health`).then((response) => response.text());
  const run = Date.now().toString(36);
  const append = async (expectedVersion: number, events: readonly NewEvent[]) => {
    const body = JSON.stringify({ expectedVersion, events });
    const options = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `${run}-${expectedVersion}` },
      body,
    };
    const response = await request(`${url}/streams/agent-${run}/events`, options);
    if (!response.ok) throw new Error(await response.text());
    await response.text();
  };
  const created = { agentId: run, agentType: 'bench', configuration: {}, createdBy: 'bench' };
  await append(0, [{ type: 'agent.created', data: created }]);
  const step: NewEvent = {
    type: 'agent.step-recorded',
    data: { agentId: run, action: 'a', observation: 'b'.repeat(200) },
  };
  let version = 1;
  const both = async () => {
    const [ofHealth, ofAppends] = await Promise.all([
      latencyFor(SECONDS, health),
      latencyFor(SECONDS, () => append(version++, [step])),
    ]);
    return { '/health': ofHealth, 'single append': ofAppends };
  };
  const alone = await both();
  // In a separate thread, so that the work of reading the answers does not count.
  const readers = new Worker(new URL('./harness/readers.ts', import.meta.url), { workerData: { url, paths: reads } });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const beside = await both();
  readers.postMessage('stop');
  const [done] = (await once(readers, 'message')) as [readonly { answers: number; longestMs: number }[]];
  console.log(`milliseconds, ${EVENTS} events; alone and beside ten of the worst reads`);
  console.table({
    '/health, alone': alone['/health'],
    'single append, alone': alone['single append'],
    '/health, beside reads': beside['/health'],
    'single append, beside reads': beside['single append'],
  });
  console.log('the reads meanwhile');
  console.table(Object.fromEntries(reads.map((path, index) => [path, done[index]])));
} finally {
  child.kill();
  await finished;
  rmSync(scratch, { recursive: true, force: true });
}

/** A server that is busy for seconds closes connections that seem idle. The time includes the repeated request. */
async function request(address: string, options: RequestInit = {}): Promise<Response> {
  for (;;) {
    try {
      return await fetch(address, options);
    } catch {
      if (child.exitCode !== null) throw new Error('the server has ended');
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of the server under measurement
async function json(address: string): Promise<any> {
  return (await fetch(address)).json();
}
