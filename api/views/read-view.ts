import { handleType, IterableBackoff, retry } from 'cockatiel';
import * as z from 'zod';
import { NotFoundError, ViewBehindError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { StreamVersion } from '../../core/base/versions.ts';
import { clocks } from '../../core/events/clock.ts';
import { instant } from '../../core/events/instant.ts';
import type { Parked } from '../../core/projections/parked.ts';
import type { ProjectionOf } from '../../core/projections/projection.ts';
import { viewFold } from '../../core/projections/view-fold.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { LiveGenerations } from '../../core/replays/generations.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { wholeNumber } from '../http/page.ts';

/** The clock of `at`, for views. */
export const viewClock = z
  .enum(clocks)
  .default('happened')
  .describe(
    'The time of events that `at` means, and the hours of the fleet overview. `happened`: their `timestamp`; a late event changes the answer. `recorded`: their `recordedAt`; the answer never changes',
  );

/** The query for a view: the newest, a past state, or a state to wait for. */
export const viewQuery = z
  .object({
    version: wholeNumber(1).optional().describe('The view right after this event of its stream'),
    at: instant.optional().describe('The view at this instant'),
    clock: viewClock,
    waitFor: wholeNumber(1)
      .optional()
      .describe('Waits up to 10 s until the view has applied this version of its stream'),
  })
  .refine(({ version, at, waitFor }) => [version, at, waitFor].filter((value) => value !== undefined).length <= 1, {
    message: 'has more than one of version, at and waitFor',
  });
/** The query for any view by name, also in a generation that is not live. */
export const anyViewQuery = viewQuery.safeExtend({
  generation: wholeNumber(1)
    .optional()
    .describe('This generation of the projection, for example of a replay; the live generation when absent'),
});
type ViewQuery = z.output<typeof viewQuery> & { readonly generation?: number | undefined };

/** The stores from which a view is read. */
export interface ViewSources {
  readonly store: EventStore;
  readonly states?: StateReader | undefined;
  readonly views: ViewStore;
  readonly generations: LiveGenerations;
}

interface Versioned<View> {
  readonly view: View | undefined;
  readonly version: StreamVersion;
  /** Present while the stream is a dead letter. */
  readonly parked?: Parked | undefined;
}

const parkedNotice = ({ version }: Parked): string =>
  `its stream waits as a dead letter at event ${version}; GET /dead-letters says why`;

/** Pauses between two reads of an awaited view, milliseconds; 10 s in total. */
const PAUSES = [10, 20, 40, 80, 160, 320, ...Array.from({ length: 18 }, () => 520)];
const whileBehind = retry(handleType(ViewBehindError), {
  maxAttempts: PAUSES.length,
  backoff: new IterableBackoff(PAUSES),
});

/**
 * Answers with a view: the newest state, the state after `waitFor`, or a past state, folded from the stream.
 * @throws NotFoundError, ViewBehindError, InvalidIdError
 */
export async function readView<View extends object>(
  projection: ProjectionOf<View>,
  key: string,
  query: ViewQuery,
  sources: ViewSources,
) {
  const past = query.version !== undefined || query.at !== undefined;
  const { view, version, parked } = past
    ? await foldView(projection, key, query, sources)
    : await whileBehind.execute(() => storedView(projection, key, query, sources));
  if (view === undefined && parked) throw new ViewBehindError(`there is no view ${key} yet: ${parkedNotice(parked)}`);
  if (view === undefined)
    throw new NotFoundError(`there is no view ${key} of ${projection.name}${past ? ' then' : ''}`);
  return { status: 200, body: { ...view, version }, headers: { 'X-View-Version': String(version) } } as const;
}

/**
 * The view of a whole stream, folded from its events: it knows what was done for the caller, however far behind the
 * projector is.
 * @throws NotFoundError without the stream
 */
export async function readNewest<View extends object>(projection: ProjectionOf<View>, key: string, deps: ViewSources) {
  const { view, version } = await foldView(projection, key, { clock: 'happened' }, deps);
  if (view === undefined) throw new NotFoundError(`there is no view ${key} of ${projection.name}`);
  return { ...view, version };
}

async function storedView<View extends object>(
  projection: ProjectionOf<View>,
  key: string,
  { waitFor = 0, generation }: ViewQuery,
  { views, generations }: ViewSources,
): Promise<Versioned<View>> {
  const stored = await views.get(projection.name, generation ?? (await generations.live(projection.name)), key);
  const version = stored?.version ?? 0;
  const parked = stored?.parked;
  if (version < waitFor) {
    const why = parked ? `: ${parkedNotice(parked)}` : '';
    throw new ViewBehindError(`view ${key} is at version ${version}, not yet at ${waitFor}${why}`);
  }
  return { view: stored?.view as View | undefined, version, parked }; // the projection's `evolve` made the view
}

async function foldView<View extends object>(
  projection: ProjectionOf<View>,
  key: string,
  { version, at, clock }: ViewQuery,
  { store, states = new StateReader({ store }) }: ViewSources,
): Promise<Versioned<View>> {
  const stream = streamId(projection.aggregateType, key);
  const moment = { version, at: at === undefined ? undefined : new Date(at), clock };
  const folded = await states.past(viewFold(projection), stream, moment);
  if (version !== undefined && folded.version < version) {
    throw new NotFoundError(`${key} has no version ${version}; it is at ${folded.version}`);
  }
  return { view: folded.state, version: folded.version };
}
