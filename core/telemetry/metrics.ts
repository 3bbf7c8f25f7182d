import type { Catalogue } from '../events/catalogue.ts';

/**
 * All metrics with their meaning, unit and labels. Each label has few values, known in advance or by configuration,
 * because every combination of labels is a time series that costs money. `type` is an event type that a module declares
 * or "other", `source` a name in `monitoring.counted_sources` or "other", `tenant` a tenant of the installation.
 */
export const metricCatalogue = {
  events_total: counter('Events given to the bus', ['type', 'source', 'status']),
  event_processing_duration_seconds: histogram(
    'Time from the delivery of an event to the end of its processing',
    'seconds',
    ['type', 'processor'],
  ),
  event_size_bytes: histogram('Size of events as JSON', 'bytes', ['type']),
  appends_total: counter('Appends that reached the storage: written, repeated, conflict or failed', ['outcome']),
  append_duration_seconds: histogram('Time of the write of a commit', 'seconds', []),
  projection_lag_seconds: histogram('Age of a commit when projector or sagas had processed it', 'seconds', [
    'processor',
  ]),
  projection_lag_versions: gauge('Commits stored and not yet applied', ['projection']),
  log_lag_seconds: histogram('Age of a commit when it was in the log and on the bus', 'seconds', []),
  dead_letters_total: counter('Events parked after the last attempt', ['projection']),
  dead_letters: gauge('Events parked now', ['projection']),
  saga_outcomes_total: counter('Sagas that ended or were parked: completed, failed or parked', ['outcome']),
  snapshot_reads_total: counter('Reads of snapshots: hit, missing, corrupt, schema, unavailable or foreign', [
    'result',
  ]),
  cache_reads_total: counter('Reads of the cache of states: hit or miss', ['result']),
  capacity_units_total: counter('DynamoDB units consumed: read or write', ['operation', 'table', 'kind', 'tenant']),
  view_differences_total: counter('Differences that a verification found', []),
  corrupt_data_total: counter('Reads of stored data that failed because it is damaged', []),
  verification_age_seconds: gauge('Time since the running verification began', []),
  verification_extent: gauge('Items that the running verification has compared', ['part']),
  tampering_total: counter('Stored events that somebody changed or removed', []),
  health: gauge('State of a part: 1 ok, 0.5 slow, 0 failing', ['part']),
  exported_spans_total: counter('Spans for the collector of OpenTelemetry: sent or dropped', ['outcome']),
  answered_faults_total: counter('Requests that a function answered with 5xx', ['version']),
  http_request_duration_seconds: histogram('Time of a request', 'seconds', ['route', 'status']),
} as const;

/** The name of a metric. */
export type MetricName = keyof typeof metricCatalogue;
/** The kind of a metric, as Prometheus defines it. */
export type MetricKind = 'counter' | 'histogram' | 'gauge';
type OfKind<Kind extends MetricKind> = {
  [Name in MetricName]: (typeof metricCatalogue)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
/** The labels of a metric, all of them. */
export type Labels<Name extends MetricName> = Readonly<
  Record<(typeof metricCatalogue)[Name]['labels'][number], string>
>;

/** The port for metrics. No call throws or waits, so that measuring never disturbs the work. */
export interface Metrics {
  /** Adds to a counter. */
  count<Name extends OfKind<'counter'>>(name: Name, labels: Labels<Name>, by?: number): void;
  /** Adds a value to a distribution. The end of the metric's name is the unit. */
  observe<Name extends OfKind<'histogram'>>(name: Name, labels: Labels<Name>, value: number): void;
  /** Sets the present value. */
  gauge<Name extends OfKind<'gauge'>>(name: Name, labels: Labels<Name>, value: number): void;
}

/** Counts nothing: the default, and the metrics for `monitoring.metrics_enabled: false`. */
export const noMetrics: Metrics = { count: () => {}, observe: () => {}, gauge: () => {} };

/** The `source` label of events: a counted name, or "other" for every other source, because callers choose sources. */
export function sourceLabel(counted: readonly string[]): (source: string) => string {
  const known = new Set(counted);
  return (source) => (known.has(source) ? source : 'other');
}

/** The `type` label of events: a declared type, or "other" for every other type, because callers choose their names. */
export const typeLabel =
  ({ definitionOf }: Pick<Catalogue, 'definitionOf'>) =>
  (type: string): string =>
    definitionOf(type) ? type : 'other';

interface Definition<Kind extends MetricKind, Label extends string> {
  readonly kind: Kind;
  readonly help: string;
  readonly unit: 'count' | 'seconds' | 'bytes';
  readonly labels: readonly Label[];
}

function counter<const Label extends string>(help: string, labels: readonly Label[]): Definition<'counter', Label> {
  return { kind: 'counter', help, unit: 'count', labels };
}

function gauge<const Label extends string>(help: string, labels: readonly Label[]): Definition<'gauge', Label> {
  return { kind: 'gauge', help, unit: 'count', labels };
}

function histogram<const Label extends string>(
  help: string,
  unit: 'seconds' | 'bytes',
  labels: readonly Label[],
): Definition<'histogram', Label> {
  return { kind: 'histogram', help, unit, labels };
}
