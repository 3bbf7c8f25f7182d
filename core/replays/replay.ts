import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { firstMoment, instant, lastMoment } from '../events/instant.ts';
import type { JsonObject } from '../events/json.ts';
import { storedInstant } from '../events/stored-form.ts';
import { type AnyProjection, isShared } from '../projections/projection.ts';

/** The events of a replay: all events when empty; otherwise the events of a time, of some types, or both. */
export const replayScope = z.strictObject({
  from: instant.optional().describe('Events recorded at or after this instant; from the beginning when absent'),
  to: instant.optional().describe('Events recorded at or before this instant; up to the request when absent'),
  types: z.array(z.string()).min(1).max(100).optional().describe('Events of these types; of all when absent'),
});
/** The events of a replay; see {@link replayScope}. */
export type ReplayScope = z.output<typeof replayScope>;

const storedScope = replayScope.extend({ from: storedInstant.optional(), to: storedInstant.optional() });

/**
 * The state of a replay. `requested`: recorded and not begun. `running`. `paused`. `ready`: the generation is complete,
 * and waits for a switch or a discard. `switched`: readers get it. `failed`: it can be resumed or discarded.
 * `discarded`: its generation is removed.
 */
export const replayState = z.enum(['requested', 'running', 'paused', 'ready', 'switched', 'failed', 'discarded']);
/** The state of a replay; see {@link replayState}. */
export type ReplayState = z.output<typeof replayState>;

const page = z.int().positive();
const count = z.int().nonnegative();

/** A failed stream, and the reason. */
const failure = z.strictObject({ stream: z.string(), message: z.string() });
/** A failed stream, and the reason. */
export type ReplayFailure = z.output<typeof failure>;

/** A partition of the log: the pages to read, and the runs of finished pages. */
const partitionProgress = z.strictObject({ from: page, to: page, done: z.array(z.tuple([page, page])) });

/** The record of a replay in the control store: the request and the progress. */
export const replay = z.strictObject({
  replayId: z.string(),
  projection: z.string(),
  scope: storedScope,
  /** True for a rebuild: readers get the generation as soon as it is ready. */
  switchWhenReady: z.boolean(),
  state: replayState,
  /** How often it was resumed. */
  runs: count,
  /** The new generation, and the generation that was live at the start. Absent before the start. */
  generation: z.int().positive().optional(),
  replaces: z.int().positive().optional(),
  partitions: z.record(z.string(), partitionProgress),
  /** The time of the last read of the log's end. */
  plannedAt: z.string().optional(),
  /** Events read, and events to read; of all types, because all are read. */
  events: count,
  total: count,
  /** The place of the comparison with the live views. */
  compared: z.strictObject({ group: z.string(), after: z.string().optional() }).optional(),
  /** The first failed streams, and the number of all failed streams. */
  failures: z.array(failure),
  failed: count,
  /** The reason of a failure. */
  reason: z.string().optional(),
  requestedAt: z.string(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  /** The time at which the views of the unneeded generation were removed. */
  removedAt: z.string().optional(),
});
/** The record of a replay; see {@link replay}. */
export type Replay = z.output<typeof replay>;

/** Whether a replay takes every event. Its generation is then complete and follows the live commits. */
export const isWhole = ({ from, to, types }: ReplayScope): boolean =>
  from === undefined && to === undefined && types === undefined;

/**
 * The projection for a history with only the events of the scope. All other events are skipped like events of a type
 * that the projection does not take. So checkpoints, order and the repair of gaps work as usual.
 */
export function within(projection: AnyProjection, scope: ReplayScope): AnyProjection {
  if (isWhole(scope)) return projection;
  const types = projection.types.filter((type) => scope.types?.includes(type) ?? true);
  const isRecordedThen = timeFilter(scope);
  const evolve: AnyProjection['evolve'] = (view, event) =>
    isRecordedThen(event) ? projection.evolve(view, event) : view;
  if (!isShared(projection)) return { ...projection, types, evolve };
  const { count } = projection;
  return {
    ...projection,
    types,
    evolve,
    count: (event, own, next) => (isRecordedThen(event) ? count(event, own, next) : {}),
  };
}

function timeFilter({
  from,
  to,
}: ReplayScope): (event: { readonly metadata: { readonly recordedAt: string } }) => boolean {
  const first = from === undefined ? Number.NEGATIVE_INFINITY : firstMoment(from);
  const last = to === undefined ? Number.POSITIVE_INFINITY : lastMoment(to);
  return ({ metadata: { recordedAt } }) => {
    const time = Date.parse(recordedAt);
    return first <= time && time <= last;
  };
}

/** A replay as it is stored. @throws CorruptDataError */
export function replayOf(content: JsonObject, replayId: string): Replay {
  const parsed = replay.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new CorruptDataError(`the record of replay ${replayId} cannot be read`, { cause: parsed.error });
}
