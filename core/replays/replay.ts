import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { firstMoment, instant, lastMoment } from '../events/instant.ts';
import type { JsonObject } from '../events/json.ts';
import { storedInstant } from '../events/stored-form.ts';
import { type AnyProjection, isShared } from '../projections/projection.ts';

/** What a replay takes: all events when nothing is said, else those of a time, of some types, or both. */
export const replayScope = z.strictObject({
  from: instant.optional().describe('Events recorded at or after this instant; from the beginning when absent'),
  to: instant.optional().describe('Events recorded at or before this instant; up to the request when absent'),
  types: z.array(z.string()).min(1).max(100).optional().describe('Events of these types; of all when absent'),
});
export type ReplayScope = z.output<typeof replayScope>;

const storedScope = replayScope.extend({ from: storedInstant.optional(), to: storedInstant.optional() });

/**
 * Where a replay stands. `requested`: noted, nothing begun. `running`. `paused`. `ready`: the generation holds all that it
 * is to hold, and waits to be switched to or discarded. `switched`: readers get it. `failed`: can be resumed or discarded.
 * `discarded`: its generation is removed.
 */
export const replayState = z.enum(['requested', 'running', 'paused', 'ready', 'switched', 'failed', 'discarded']);
export type ReplayState = z.output<typeof replayState>;

const page = z.int().positive();
const count = z.int().nonnegative();

/** A stream that could not be applied. */
const failure = z.strictObject({ stream: z.string(), message: z.string() });
export type ReplayFailure = z.output<typeof failure>;

/** A partition of the log: the pages to read, and the runs of pages that were. */
const partitionProgress = z.strictObject({ from: page, to: page, done: z.array(z.tuple([page, page])) });

/** A replay as it is kept in the control store: what was asked for and how far it has come. */
export const replay = z.strictObject({
  replayId: z.string(),
  projection: z.string(),
  scope: storedScope,
  /** A rebuild: readers get the generation as soon as it is ready. */
  switchWhenReady: z.boolean(),
  state: replayState,
  /** How often it was resumed. */
  runs: count,
  /** The generation that it makes, and the one that was live when it began. Absent while it is only requested. */
  generation: z.int().positive().optional(),
  replaces: z.int().positive().optional(),
  partitions: z.record(z.string(), partitionProgress),
  /** When it was last looked how far the log goes. */
  plannedAt: z.string().optional(),
  /** Events read, and events to read; both of all types, since all have to be passed by. */
  events: count,
  total: count,
  /** How far the comparison with the live views has come. */
  compared: z.strictObject({ group: z.string(), after: z.string().optional() }).optional(),
  /** The first streams that could not be applied, and how many there were. */
  failures: z.array(failure),
  failed: count,
  /** Why it failed. */
  reason: z.string().optional(),
  requestedAt: z.string(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  /** When the views of the generation that nobody needs any more were gone. */
  removedAt: z.string().optional(),
});
export type Replay = z.output<typeof replay>;

/** Whether a replay takes every event, so that its generation is a whole one and follows the live commits. */
export const isWhole = ({ from, to, types }: ReplayScope): boolean =>
  from === undefined && to === undefined && types === undefined;

/**
 * The projection as it would be if the events of the scope were all there are. Others are passed by like events of a type
 * that it does not take, so checkpoints, order and the repair of gaps are the same as ever.
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
