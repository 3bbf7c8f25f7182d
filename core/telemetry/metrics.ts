/**
 * Every metric there is: what it counts, in which unit, split by which labels. Each label has few values, known beforehand
 * or by configuration, because every combination is a time series that somebody pays for. `type` is one of the catalogue's,
 * `source` one of `monitoring.counted_sources` or "other", `tenant` one of the installation's.
 */
export const metricCatalogue = {
  events_total: counter('Events given to the bus', ['type', 'source', 'status']),
  event_processing_duration_seconds: histogram('Time from taking an event to being done with it', 'seconds', [
    'type',
    'processor',
  ]),
  event_size_bytes: histogram('Size of events as JSON', 'bytes', ['type']),
  appends_total: counter('Appends that reached the storage: written, repeated, conflict or failed', ['outcome']),
  append_duration_seconds: histogram('Time of the write of a commit', 'seconds', []),
  projection_lag_seconds: histogram('Age of a commit when projector or sagas were done with it', 'seconds', [
    'processor',
  ]),
  projection_lag_versions: gauge('Commits stored and not yet applied', ['projection']),
  log_lag_seconds: histogram('Age of a commit when it was in the log and on the bus', 'seconds', []),
  dead_letters_total: counter('Events parked after the last attempt', ['projection']),
  dead_letters: gauge('Events parked now', ['projection']),
  saga_outcomes_total: counter('Sagas that ended or stand still: completed, failed or parked', ['outcome']),
  snapshot_reads_total: counter('Snapshots looked for: hit, missing, corrupt, schema, unavailable or foreign', [
    'result',
  ]),
  cache_reads_total: counter('Loads that asked the cache of states: hit or miss', ['result']),
  capacity_units_total: counter('DynamoDB units consumed: read or write', ['operation', 'table', 'kind', 'tenant']),
  view_differences_total: counter('Views that are not what history makes of them', []),
  corrupt_data_total: counter('Times that stored data could not be read back', []),
  verification_age_seconds: gauge('Time since the verification under way began', []),
  verification_extent: gauge('What the verification under way has looked at', ['part']),
  tampering_total: counter('Stored events that somebody changed or removed', []),
  health: gauge('State of a part: 1 ok, 0.5 slow, 0 failing', ['part']),
  answered_faults_total: counter('Requests that a function answered by 5xx', ['version']),
  http_request_duration_seconds: histogram('Time of a request', 'seconds', ['route', 'status']),
} as const;

export type MetricName = keyof typeof metricCatalogue;
export type MetricKind = 'counter' | 'histogram' | 'gauge';
type OfKind<Kind extends MetricKind> = {
  [Name in MetricName]: (typeof metricCatalogue)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
/** The labels of a metric, all of them. */
export type Labels<Name extends MetricName> = Readonly<
  Record<(typeof metricCatalogue)[Name]['labels'][number], string>
>;

/** Where the machinery counts and measures. No call throws or waits: what is measured matters more than the measure. */
export interface Metrics {
  /** Adds to a counter. */
  count<Name extends OfKind<'counter'>>(name: Name, labels: Labels<Name>, by?: number): void;
  /** Adds a value to a distribution, in the unit that its name ends in. */
  observe<Name extends OfKind<'histogram'>>(name: Name, labels: Labels<Name>, value: number): void;
  /** Sets what is so now. */
  gauge<Name extends OfKind<'gauge'>>(name: Name, labels: Labels<Name>, value: number): void;
}

/** Counts nothing: the default, and what `monitoring.metrics_enabled: false` asks for. */
export const noMetrics: Metrics = { count: () => {}, observe: () => {}, gauge: () => {} };

/** The `source` label of events: the names that are counted, and "other" for all the rest, which callers may make up. */
export function sourceLabel(counted: readonly string[]): (source: string) => string {
  const known = new Set(counted);
  return (source) => (known.has(source) ? source : 'other');
}

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
