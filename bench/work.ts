import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '../adapters/embedded/engine/engine.ts';
import { LeaseTimer } from '../adapters/embedded/engine/lease-timer.ts';
import { workOf } from '../application/work.ts';
import { handleCommand } from '../core/state/decider.ts';
import application from '../domain/application.ts';
import { inboxes } from '../domain/task/slots.ts';
import { taskDecider } from '../domain/task/task.ts';

// Many workers and tasks in one process, without HTTP; workers die with the work in their hands: node bench/work.ts [workers] [tasks]

const [workers = 1_000, tasks = 10_000] = process.argv.slice(2).map(Number);
const DIES = 0.03;
const LEASE_SECONDS = 5;
const dataDir = mkdtempSync(join(tmpdir(), 'annals-work-'));
const logger = { warn: console.error, error: console.error };
const engine = createEngine({ ...application, dataDir, logger });
const work = workOf(application, { ...engine, longestPauseMs: 100 });
if (!work) throw new Error('the application has no work');
const { inbox, leases } = work;
const timer = new LeaseTimer(leases, logger);
engine.start();
timer.start();

const lists = [inboxes.ofType('coder')];
const stop = new AbortController();
const requestedAt = new Map<string, number>();
const latencies: number[] = [];
const waits: number[] = [];
const perWorker = new Map<string, number>();
const doneBy = new Map<string, number>();
let deaths = 0;

async function life(name: string): Promise<void> {
  for (let lives = 0; !stop.signal.aborted; ) {
    const workerId = `${name}.${lives}`;
    const began = performance.now();
    const request = { workerId, workerType: 'coder', seconds: LEASE_SECONDS, limit: 1, lists, max: 1 };
    const [claimed] = await inbox.claim({ ...request, waitMs: 2_000, signal: stop.signal }, {});
    if (!claimed) continue;
    latencies.push(performance.now() - began);
    const { id, fencing } = claimed.held;
    if (fencing === 1) waits.push(performance.now() - (requestedAt.get(id) ?? 0));
    if (Math.random() < DIES) {
      deaths += 1;
      lives += 1;
      continue;
    }
    const answer = { agentId: workerId, fencing, result: 1, duration: 1, resources: {} };
    await handleCommand(engine.store, taskDecider, id, { kind: 'complete', ...answer }, { states: engine.states });
    perWorker.set(name, (perWorker.get(name) ?? 0) + 1);
    doneBy.set(id, (doneBy.get(id) ?? 0) + 1);
    if (doneBy.size === tasks) stop.abort();
  }
}

const began = performance.now();
const lives = Array.from({ length: workers }, (_, n) => life(`w${n}`));
for (let n = 0; n < tasks; n++) {
  const order = { agentType: 'coder', payload: { n }, deadlineSeconds: 3_600 };
  requestedAt.set(`t${n}`, performance.now());
  await handleCommand(engine.store, taskDecider, `t${n}`, { kind: 'request', ...order }, { states: engine.states });
}
await Promise.all(lives);
const seconds = (performance.now() - began) / 1_000;
const at = (values: readonly number[], share: number) =>
  Math.round([...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0);
const shares = [...perWorker.values()];
const twice = [...doneBy.values()].filter((times) => times !== 1).length;
console.log(`${workers} workers, ${tasks} tasks, ${deaths} deaths, ${seconds.toFixed(1)} s`);
console.log(`done ${doneBy.size}, done more than once ${twice}`);
console.log(
  `claims a second ${Math.round(inbox.claims / seconds)}, attempts per claim ${(inbox.attempts / inbox.claims).toFixed(3)}`,
);
console.log(
  `from asking to work, ms: p50 ${at(latencies, 0.5)}, p99 ${at(latencies, 0.99)} (asking may wait for tasks)`,
);
console.log(`from request to first claim, ms: p50 ${at(waits, 0.5)}, p99 ${at(waits, 0.99)}`);
console.log(
  `tasks per worker: ${workers - shares.length} without, least ${at(shares, 0)}, p50 ${at(shares, 0.5)}, most ${at(shares, 1)}`,
);
await timer.close();
await engine.close();
rmSync(dataDir, { recursive: true });
