import ms, { type StringValue } from 'ms';
import * as z from 'zod';
import { parse } from './validation.ts';

/** A section of the configuration. An unknown name is refused; the message lists the known names. */
function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      return `has nothing named ${issue.keys?.join(', ')}; it has ${Object.keys(shape).join(', ')}`;
    },
  });
}

const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d)$/;

/** A time such as `500ms`, `1s`, `2m`, `12h` or `30d` that becomes milliseconds. */
function duration(fallback: StringValue, from: StringValue, to: StringValue) {
  const expected = `must be a time from ${from} to ${to}, such as 500ms, 1s, 2m, 12h or 30d`;
  return z
    .string(expected)
    .regex(DURATION, expected)
    .transform((text) => ms(text as StringValue))
    .refine((given) => given >= ms(from) && given <= ms(to), expected)
    .prefault(fallback)
    .meta({ allowed: `${from} to ${to}` });
}

/** A whole number of some unit. */
function whole(fallback: number, from: number, to: number, unit: string) {
  const expected = `must be a whole number from ${from} to ${to}`;
  return z
    .number(expected)
    .refine((given) => Number.isInteger(given) && given >= from && given <= to, expected)
    .default(fallback)
    .meta({ allowed: `${from} to ${to} ${unit}` });
}

/** A setting of the original specification with one value here: that value is accepted, every other refused. */
const always = <Value extends string | boolean>(value: Value, why: string) =>
  z
    .literal(value, `must be ${value}: ${why}`)
    .default(value as never)
    .describe(why);

const retentionPolicy = section({
  days: whole(365, 1, 36_500, 'days').describe(
    'How long pages of the log stay in its table. Older pages move to the archive, which is verified first. Streams stay whole',
  ),
  compression: z
    .boolean('must be true or false')
    .default(true)
    .describe('Whether segments of the archive are compressed (gzip)'),
});

const store = section({
  partition_strategy: z
    .enum(['single', 'by_aggregate_type', 'sharded'])
    .default('single')
    .describe(
      'Partitions of the log: one for all events, one for each aggregate type, or log_shards partitions for the most throughput',
    ),
  log_shards: whole(8, 2, 64, 'partitions').describe(
    'Partitions of a sharded log. The number can grow later; it cannot fall',
  ),
  retention_policy: retentionPolicy.prefault({}),
});

const bus = section({
  batch_size: whole(100, 1, 10_000, 'commits').describe(
    'Most commits that the relay puts into the log and on the bus at once',
  ),
  batch_timeout: duration('1s', '0ms', '5m').describe('How long the relay waits for a batch to fill, on AWS'),
  format: z
    .enum(['annals', 'cloudevents'], 'must be annals or cloudevents')
    .default('annals')
    .describe('Form of events on the bus on AWS: as in the HTTP API, or CloudEvents 1.0 in structured form'),
});

const retryPolicy = section({
  max_retries: whole(3, 1, 20, 'attempts').describe(
    'Attempts in all, the first included; then the stream is parked as a dead letter',
  ),
  backoff_strategy: always('exponential', 'Pauses double, with jitter, so that retries do not come at the same moment'),
  initial_delay: duration('1s', '1ms', '1m').describe('Pause before the second attempt'),
  max_delay: duration('60s', '1ms', '1h').describe('Longest pause'),
}).refine(({ initial_delay, max_delay }) => initial_delay <= max_delay, {
  path: ['max_delay'],
  error: 'must not be shorter than initial_delay',
});

const processors = section({
  concurrent_workers: whole(10, 1, 1_000, 'streams').describe('Streams that one projector works on side by side'),
  retry_policy: retryPolicy.prefault({}),
});

const snapshots = section({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether snapshots are written; existing snapshots are used in either case'),
  frequency: whole(100, 2, 100_000, 'events').describe('Events of a stream from one snapshot to the next'),
  compression: always('gzip', 'Snapshots are gzip JSON, which any tool reads'),
});

const monitoring = section({
  metrics_enabled: z.boolean().default(true).describe('Whether metrics are written'),
  tracing_enabled: z.boolean().default(true).describe('Whether traces are written'),
  health_check_interval: duration('30s', '15s', '10m').describe('Pause between two checks of every dependency'),
  counted_sources: z
    .array(z.string().min(1).max(128))
    .max(20)
    .default(['annals'])
    .describe('Sources of events that metrics count by name; all other sources are counted as "other"'),
});

const push = section({
  allow_private: z
    .boolean()
    .default(false)
    .describe(
      'Whether subscriptions may push to addresses of private networks and of the machine itself, and without TLS',
    ),
});

const security = section({
  encryption_at_rest: always(
    true,
    'On AWS, KMS keys of the stage encrypt tables, buckets and the bus; on one machine encrypt the disk',
  ),
  encryption_in_transit: always(true, 'All requests to AWS use TLS'),
  authentication_required: always(
    true,
    'On AWS every request is signed by an IAM identity; the embedded server listens on loopback only',
  ),
});

/** The `event_system` of the original specification: its names, its defaults. */
export const eventSystemSchema = section({
  store: store.prefault({}),
  bus: bus.prefault({}),
  processors: processors.prefault({}),
  snapshots: snapshots.prefault({}),
  monitoring: monitoring.prefault({}),
  push: push.prefault({}),
  security: security.prefault({}),
});

const configurationSchema = section({ event_system: eventSystemSchema.prefault({}) });

/** The content of `annals.config.ts`: the settings that differ from the defaults. */
export type AnnalsConfig = z.input<typeof configurationSchema>;
/** Every setting, defaults included. Times are in milliseconds. */
export type EventSystem = z.output<typeof eventSystemSchema>;

/**
 * Checks a configuration and completes it with defaults; docs/configuration.md lists all settings.
 * @throws ValidationError with the path of each wrong value and the allowed values
 */
export function configureEventSystem(given: unknown): EventSystem {
  return parse(configurationSchema, given).event_system;
}
