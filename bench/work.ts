import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { createEngine } from '../adapters/embedded/engine/engine.ts';
import { leaseTimer } from '../adapters/embedded/engine/lease-timer.ts';
import { workOf } from '../application/work.ts';
import { handleCommand } from '../core/state/decider.ts';
import application from '../domain/application.ts';
import { inboxes } from '../domain/task/slots.ts';
import { taskDecider } from '../domain/task/task.ts';
import { taskStatus } from '../domain/task/task-status.ts';

// Many workers and tasks in one process, without HTTP; workers die with the work in their hands. The workers start when
// all tasks wait: node bench/work.ts [workers] [tasks]

const [workers = 1_000, tasks = 10_000] = process.argv.slice(2).map(Number);
const DIES = 0.03;
const LEASE_SECONDS = 5;
const dataDir = mkdtempSync(join(tmpdir(), 'annals-work-'));
const logger = { warn: console.error, error: console.error };
const engine = createEngine({ ...application, dataDir, logger });
const work = workOf(application, { ...engine, longestPauseMs: 100 });
if (!work) throw new Error('the application has no work');
const { inbox, leases } = work;
const timer = leaseTimer(leases, logger);
engine.start();
timer.start();

const list = inboxes.ofType('coder');
const stop = new AbortController();
/** Times of requests that found work without a wait, and of those that waited for work, milliseconds. */
const claimTimes: number[] = [];
const waitTimes: number[] = [];
const perWorker = new Map<string, number>();
const doneBy = new Map<string, number>();
let deaths = 0;

async function life(name: string): Promise<void> {
  for (let lives = 0; !stop.signal.aborted; ) {
    const workerId = `${name}.${lives}`;
    const request = { workerId, workerType: 'coder', seconds: LEASE_SECONDS, limit: 1, lists: [list], max: 1 };
    const claim = async (waitMs: number, times: number[]) => {
      const began = performance.now();
      const [claimed] = await inbox.claim({ ...request, waitMs, signal: stop.signal }, {});
      if (claimed) times.push(performance.now() - began);
      return claimed;
    };
    const claimed = (await claim(0, claimTimes)) ?? (await claim(2_000, waitTimes));
    if (!claimed) continue;
    const { id, fencing } = claimed.held;
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

/** Requests all tasks, and waits until all of them stand in the inbox. */
async function requestTasks(): Promise<void> {
  const order = { kind: 'request', agentType: 'coder', payload: {}, deadlineSeconds: 3_600 } as const;
  const name = taskStatus.name;
  await pLimit(16).map(Array.from({ length: tasks }), (_, n) =>
    handleCommand(engine.store, taskDecider, `t${n}`, order, { states: engine.states }),
  );
  for (let waiting = 0; waiting < tasks; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    waiting = 0;
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await engine.views.listed(name, await engine.generations.live(name), list, { limit: 1_000, after });
      waiting += page.listed.length;
      after = page.next;
    }
  }
}

const at = (values: readonly number[], share: number) =>
  Math.round([...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0);
const secondsSince = (began: number) => (performance.now() - began) / 1_000;

const asked = performance.now();
await requestTasks();
console.log(`${tasks} tasks requested and offered: ${secondsSince(asked).toFixed(1)} s`);
const began = performance.now();
/** When nine tenths of the tasks were done: after them, workers wait for the leases of the dead. */
let steadySeconds = 0;
const steady = setInterval(() => {
  if (steadySeconds === 0 && doneBy.size >= tasks * 0.9) steadySeconds = secondsSince(began);
}, 5);
await Promise.all(Array.from({ length: workers }, (_, n) => life(`w${n}`)));
clearInterval(steady);
const seconds = secondsSince(began);
const shares = Array.from({ length: workers }, (_, n) => perWorker.get(`w${n}`) ?? 0);
const mean = tasks / workers;
const deviation = Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / workers);
const twice = [...doneBy.values()].filter((times) => times !== 1).length;
console.log(`${workers} workers, ${tasks} tasks, ${deaths} deaths, ${seconds.toFixed(1)} s`);
console.log(`done ${doneBy.size}, done more than once ${twice}`);
console.log(
  `tasks claimed and done a second, first nine tenths: ${Math.round((tasks * 0.9) / steadySeconds)}; attempts per claim ${(inbox.attempts / inbox.claims).toFixed(3)}`,
);
console.log(
  `a claim that finds work, with all workers at once, ms: p50 ${at(claimTimes, 0.5)}, p99 ${at(claimTimes, 0.99)} (${claimTimes.length})`,
);
console.log(
  `a claim that waits for work, ms: p50 ${at(waitTimes, 0.5)}, p99 ${at(waitTimes, 0.99)} (${waitTimes.length})`,
);
console.log(
  `tasks per worker, mean ${mean}: least ${at(shares, 0)}, p10 ${at(shares, 0.1)}, p50 ${at(shares, 0.5)}, p90 ${at(shares, 0.9)}, most ${at(shares, 1)}, standard deviation ${deviation.toFixed(2)}`,
);
await timer.close();
await engine.close();
rmSync(dataDir, { recursive: true });
