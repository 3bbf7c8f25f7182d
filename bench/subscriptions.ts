import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../client/index.ts';
import { serve } from '../test/support/served-process.ts';

// A single machine, over HTTP: consumers of one subscription take batches of 100 and acknowledge them.
// node bench/subscriptions.ts [streams] [events of each stream]

const [streams = 400, each = 25] = process.argv.slice(2).map(Number);
const EVENTS = streams * each;
const ROUNDS = 3;

const folder = mkdtempSync(join(tmpdir(), 'annals-subscriptions-'));
const { url, child, finished } = await serve(join(folder, 'data'));
const client = createClient({ url });

const note = 'x'.repeat(200);
for (let stream = 0; stream < streams; stream += 1) {
  const agentId = `a-${stream}`;
  await client.agents.create({ agentId, agentType: 'bench', configuration: {}, createdBy: 'bench' });
  const steps = Array.from({ length: each }, (_, n) => ({
    type: 'agent.step-recorded' as const,
    data: { agentId, action: `step ${n}`, observation: note },
  }));
  await client.append(`agent-${agentId}`, { expectedVersion: 1, events: steps });
}

interface Round {
  readonly perSecond: number;
  readonly takeP99: number;
  readonly requests: number;
}

/** Consumers take and acknowledge until every event was acknowledged once. */
async function round(name: string, consumers: number, order: 'stream' | 'none'): Promise<Round> {
  await client.subscriptions.put(name, {
    filter: { types: ['agent.step-recorded'] },
    from: 'start',
    order,
    shards: 16,
    ackWithinSeconds: 60,
  });
  const seen = new Set<string>();
  const takes: number[] = [];
  let requests = 0;
  const consume = async () => {
    while (seen.size < EVENTS) {
      const began = performance.now();
      const deliveries = await client.subscriptions.take(name, { max: 100, wait: 1 });
      requests += 1;
      if (deliveries.length === 0) continue;
      takes.push(performance.now() - began);
      await client.subscriptions.ack(
        name,
        deliveries.map(({ token }) => token),
      );
      requests += 1;
      for (const { event } of deliveries) seen.add(event.id);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: consumers }, consume));
  const seconds = (performance.now() - began) / 1_000;
  await client.subscriptions.remove(name);
  const takeP99 = takes.toSorted((a, b) => a - b)[Math.floor(takes.length * 0.99)] ?? 0;
  return { perSecond: EVENTS / seconds, takeP99, requests };
}

try {
  await client.subscriptions.get('nothing').catch(() => {}); // opens the connection
  for (const order of ['stream', 'none'] as const) {
    for (const consumers of [1, 16]) {
      const rounds: Round[] = [];
      for (let n = 0; n < ROUNDS; n += 1)
        rounds.push(await round(`bench-${order}-${consumers}-${n}`, consumers, order));
      const middle = rounds.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(ROUNDS / 2)] as Round;
      const range = rounds.map(({ perSecond }) => Math.round(perSecond)).join(', ');
      console.log(
        `order ${order}, ${consumers} consumers: ${Math.round(middle.perSecond)} events a second (${range}); take p99 ${middle.takeP99.toFixed(0)} ms; ${middle.requests} requests for ${EVENTS} events`,
      );
    }
  }
} finally {
  child.kill('SIGTERM');
  await finished;
  rmSync(folder, { recursive: true, force: true });
}
