import { expect, it } from 'vitest';
import { treeOf } from '../../../core/projections/shared-projection.ts';
import { viewFold } from '../../../core/projections/view-fold.ts';
import { StateReader } from '../../../core/state/state-reader.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { agentStatus } from '../../../domain/agent/agent-status.ts';
import { fleetOverview } from '../../../domain/fleet/fleet-overview.ts';
import { receiveLogs, receiveTraces } from '../../../sources/otlp/receiver.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../support/application.ts';
import { foldShared } from '../../support/fold-shared.ts';
import { randomOf } from '../../support/random.ts';
import { telemetryRun } from '../../support/telemetry-runs.ts';

/** How many made-up conversations are delivered; the seeds are 1, 2, 3 and so on. */
const SEEDS = Number(process.env['TELEMETRY_SEEDS'] ?? 50);

const service = (name: string) => ({ attributes: [{ key: 'service.name', value: { stringValue: name } }] });
const bytes = (request: object) => Buffer.from(JSON.stringify(request));
const tracesOf = (spans: readonly object[]) =>
  bytes({ resourceSpans: [{ resource: service('shop'), scopeSpans: [{ spans }] }] });
const logsOf = (logRecords: readonly object[]) =>
  bytes({ resourceLogs: [{ resource: service('claude-code'), scopeLogs: [{ logRecords }] }] });

function receiver() {
  const storage = new MemoryCommitStorage();
  const parts = () => {
    const store = new EventStore(storage, { catalogue });
    return { store, states: new StateReader({ store, cacheBytes: 1 << 20 }) };
  };
  // Requests go to one of two processes.
  const processes = [parts(), parts()];
  const process = (number: number) => processes[number % 2] as ReturnType<typeof parts>;
  return {
    traces: (spans: readonly object[], number = 0) => receiveTraces(process(number), 'json', tracesOf(spans)),
    logs: (records: readonly object[], number = 0) => receiveLogs(process(number), 'json', logsOf(records)),
    async views() {
      const { store, states } = parts();
      const streams = new Set<string>();
      for await (const { commit } of storage.scan() as AsyncIterable<{ commit?: { stream: string } }>) {
        if (commit?.stream.startsWith('agent-')) streams.add(commit.stream);
      }
      const views = new Map<string, object>();
      for (const stream of streams) {
        const { state } = await states.load(viewFold(agentStatus), stream);
        // How often the state changed depends on what was known meanwhile.
        const { stateChanges: _, ...view } = state ?? { stateChanges: 0 };
        views.set(stream.slice('agent-'.length), view);
      }
      async function* history() {
        for (const stream of streams) yield* store.commits(stream);
      }
      const counts = (await foldShared(fleetOverview, history(), catalogue)).get('all') ?? new Map();
      const { stepsByType, tokensByType } = treeOf(counts) as Record<string, Record<string, number>>;
      const fleet = { steps: withoutZeros(stepsByType), tokens: withoutZeros(tokensByType) };
      return { views, fleet };
    },
  };
}

const withoutZeros = (counts: Record<string, number> = {}) =>
  Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0));

/** Everything twice, in another order, in requests of another size, some of them at the same time. */
async function deliverBadly(seed: number, { spans, logs }: ReturnType<typeof telemetryRun>) {
  const random = randomOf(seed * 31);
  const shuffled = <T>(all: readonly T[]) =>
    all
      .map((one) => ({ one, place: random.between(0, 1_000_000) }))
      .sort((a, b) => a.place - b.place)
      .map(({ one }) => one);
  const to = receiver();
  const requests = (all: readonly object[], send: (some: readonly object[], number: number) => Promise<unknown>) => {
    const left = shuffled([...all, ...all]);
    const sends: (() => Promise<unknown>)[] = [];
    while (left.length > 0) {
      const some = left.splice(0, random.between(1, 6));
      sends.push(() => send(some, random.between(0, 1)));
    }
    return sends;
  };
  const sends = shuffled([...requests(spans, to.traces), ...requests(logs, to.logs)]);
  while (sends.length > 0) await Promise.all(sends.splice(0, random.between(1, 3)).map((send) => send()));
  return to.views();
}

it(`${SEEDS} conversations are told alike whether they arrive whole, or doubled, shuffled and split`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const run = telemetryRun(seed);
    const truth = Object.fromEntries(run.truth);
    const whole = receiver();
    await whole.traces(run.spans);
    await whole.logs(run.logs);
    const { views, fleet } = await whole.views();
    expect(Object.fromEntries(views), `seed ${seed}`).toMatchObject(truth);
    expect([...views.keys()].toSorted(), `seed ${seed}`).toEqual(Object.keys(truth).toSorted());
    expect(
      Object.values(fleet.steps).reduce((a, b) => a + b, 0),
      `seed ${seed}`,
    ).toBe([...run.truth.values()].reduce((sum, { steps }) => sum + steps, 0));
    const bad = await deliverBadly(seed, run);
    for (const [agentId, view] of bad.views) {
      if (!views.has(agentId))
        expect(view, `seed ${seed}, ${agentId}`).toMatchObject({ steps: 0, state: 'stopped', usage: {} });
      else expect(view, `seed ${seed}, ${agentId}`).toEqual(views.get(agentId));
    }
    expect(bad.views.size).toBeGreaterThanOrEqual(views.size);
    expect(bad.fleet, `seed ${seed}`).toEqual(fleet);
  }
});
