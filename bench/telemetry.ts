import { EmfMetrics } from '../adapters/aws/telemetry/emf-metrics.ts';
import { PrometheusMetrics } from '../adapters/embedded/telemetry/prometheus-metrics.ts';
import { TraceCollector } from '../adapters/embedded/telemetry/trace-collector.ts';
import { ClaimCheck } from '../core/store/claim-check.ts';
import { EventStore } from '../core/store/event-store.ts';
import { decoratedStorage } from '../core/telemetry/decorated-storage.ts';
import { noTelemetry, type Telemetry } from '../core/telemetry/telemetry.ts';
import { Tracer } from '../core/telemetry/tracer.ts';
import { catalogue } from '../test/support/application.ts';
import { MemoryObjectStore } from '../test/support/memory-objects.ts';
import { MemoryCommitStorage } from '../testing/memory/commit-storage.ts';
import { sampleEvents } from './harness/events.ts';

// The costs that metrics and traces add to an append: time, over a storage that takes none, and bytes that a function logs and sends.

const APPENDS = 5_000;
const ROUNDS = 7;

/** Microseconds of processor time of an append, which depend little on the load of the machine. */
async function microseconds(telemetry: Telemetry | undefined): Promise<number> {
  const storage = new MemoryCommitStorage();
  const store = new EventStore(
    telemetry ? decoratedStorage(storage, { ...telemetry, claims: new ClaimCheck(new MemoryObjectStore()) }) : storage,
    { catalogue },
  );
  const within = <T>(work: () => Promise<T>) =>
    telemetry ? telemetry.tracer.service('annals', undefined, { correlationId: 'bench' }, work) : work();
  const [event] = sampleEvents(1);
  if (!event) throw new Error('no event');
  const before = process.cpuUsage();
  for (let index = 0; index < APPENDS; index += 1) {
    await within(() =>
      store.append(`agent-${index}`, [event], { expectedVersion: 0, trace: telemetry?.tracer.header }),
    );
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / APPENDS;
}

/** The minimum of several rounds, which alternate between the variants. */
async function compare(
  candidates: Readonly<Record<string, () => Telemetry | undefined>>,
): Promise<Record<string, number>> {
  const least: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, create] of Object.entries(candidates)) {
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, await microseconds(create()));
    }
  }
  return Object.fromEntries(Object.entries(least).map(([name, value]) => [name, Math.round(value * 10) / 10]));
}

/** Bytes of metrics that a number of appends log, with flushes as in the command function and a pause between appends. */
function loggedBytes(appends: number, pauseMs: number): number {
  Object.assign(process.env, {
    POWERTOOLS_METRICS_NAMESPACE: 'annals-prod',
    POWERTOOLS_SERVICE_NAME: 'annals-command',
  });
  const { write } = process.stdout;
  const { now } = Date;
  let [bytes, time] = [0, now()];
  process.stdout.write = ((chunk: string) => {
    bytes += Buffer.byteLength(chunk);
    return true;
  }) as typeof write;
  Date.now = () => time;
  try {
    const metrics = new EmfMetrics();
    for (let index = 0; index < appends; index += 1) {
      metrics.count('appends_total', { outcome: 'written' });
      metrics.observe('append_duration_seconds', {}, 0.0047 + index / 1e7);
      metrics.count('capacity_units_total', { operation: 'PutItem', table: 'events', kind: 'write', tenant: 'main' });
      metrics.flush(10_000);
      time += pauseMs;
    }
    metrics.flush(0);
  } finally {
    process.stdout.write = write;
    Date.now = now;
  }
  return Math.round(bytes / appends);
}

/** Bytes of the spans of an append. */
async function spanBytes(): Promise<number> {
  let bytes = 0;
  const tracer = new Tracer((span) => {
    bytes += Buffer.byteLength(JSON.stringify(span));
  });
  tracer.enter('Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1');
  await tracer.part(
    'annals',
    { attributes: { route: 'POST /agents/{agentId}/steps' }, correlationId: 'x'.repeat(26) },
    () =>
      tracer.part(
        'DynamoDB',
        { aws: { operation: 'PutItem', table_name: 'annals-prod-data-Events0123456789AB-ABCDEFGHIJKL' } },
        async () => {},
      ),
  );
  return bytes;
}

console.log('an append in memory, microseconds of processor time');
console.table(
  await compare({
    'without any of it': () => undefined,
    'switched off': noTelemetry,
    metrics: () => ({ ...noTelemetry(), metrics: new PrometheusMetrics() }),
    'metrics and traces': () => ({
      metrics: new PrometheusMetrics(),
      tracer: new Tracer(new TraceCollector().collect),
    }),
  }),
);
console.log('bytes an append, on AWS');
console.table({
  'metrics, one append a minute': loggedBytes(20, 60_000),
  'metrics, one append a second': loggedBytes(1_000, 1_000),
  'metrics, 50 a second': loggedBytes(20_000, 20),
  'spans, when the request is sampled': await spanBytes(),
});
