import { ValidationError } from '../base/errors.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import type { Folded } from '../state/fold.ts';
import type { Commit } from '../store/commit.ts';
import { type CheckedFold, foldCommits } from './fold-commits.ts';
import type { Failure } from './parked.ts';
import { type AnyProjection, evolveView, isShared } from './projection.ts';
import { type AnySharedProjection, type Increments, Tally } from './shared-projection.ts';
import { MAX_COUNTERS, MAX_ITEMS } from './shared-view-store.ts';
import { TransactionSize } from './transaction-size.ts';

/** The result of folding a stream's commits, and the failure that stopped the fold, if any. */
export interface FoldProgress {
  readonly view: JsonObject | undefined;
  readonly version: StreamVersion;
  /** The additions to shared views. */
  readonly increments: Increments;
  /** The fold stopped early: later events do not fit in the same transaction. */
  readonly more: boolean;
  readonly failure?: Failure;
}

/** The state of a fold: the view, and the counts so far, newest first. */
export interface FoldState {
  readonly view: JsonObject | undefined;
  readonly counted?: { readonly increments: Increments; readonly before: FoldState['counted'] } | undefined;
}

/** Stops a fold at an event whose counts do not fit in the transaction. */
class TransactionFull extends Error {
  override readonly name = 'TransactionFull';
}

/** No increments. */
export const NOTHING: Increments = new Map();

/** The settings of {@link progressOf}. */
export interface ProgressOptions {
  readonly catalogue: Catalogue;
  /** The inherited state of a fork, before its first commit. */
  readonly inherit?: CheckedFold<FoldState>['inherit'];
  /** Folds up to this event; without it, as much as one transaction can write. */
  readonly upTo?: number;
}

/** Folds commits into the view of a stream, as far as one transaction can write it. */
export async function progressOf(
  projection: AnyProjection,
  start: Folded<FoldState>,
  commits: AsyncIterable<Commit>,
  { catalogue, inherit, upTo }: ProgressOptions,
): Promise<FoldProgress> {
  const size = upTo === undefined ? new TransactionSize() : undefined;
  size?.add(NOTHING, 1);
  let last = start;
  const fold = {
    catalogue,
    inherit,
    evolve: (state: FoldState, event: DomainEvent) => {
      if (upTo !== undefined && event.sequenceNumber > upTo) return state;
      const next = evolveState(projection, state, event, size);
      last = { state: next, version: event.sequenceNumber };
      return next;
    },
  };
  const { failure, ...whole } = await foldCommits<FoldState>(fold, start, commits);
  const more = failure?.error instanceof TransactionFull;
  // Whole commits as far as they fit. A larger commit is applied in parts, because sums show no appends.
  const { state, version } = more && whole.version === start.version ? last : whole;
  const increments = state.counted ? incrementsOf(state) : NOTHING;
  return {
    view: state.view,
    version: Math.min(version, upTo ?? version),
    increments,
    more,
    ...(failure && !more ? { failure } : {}),
  };
}

/** @throws TransactionFull, and the errors of the projection */
function evolveState(
  projection: AnyProjection,
  { view, counted }: FoldState,
  event: DomainEvent,
  size: TransactionSize | undefined,
): FoldState {
  const next = evolveView(projection, view, event);
  if (!isShared(projection) || !projection.types.includes(event.type)) return { view: next, counted };
  const tally = new Tally();
  tally.add(projection.count(event, view, next));
  const increments = tally.increments();
  if (size && !size.add(increments)) throw size.isEmpty ? tooMuch(projection, increments) : new TransactionFull();
  return { view: next, counted: { increments, before: counted } };
}

const tooMuch = ({ name }: AnySharedProjection, { size }: Increments) =>
  new ValidationError([
    {
      path: '',
      message: `projection ${name} counts the event in ${size} views; an event counts in at most ${MAX_ITEMS - 1} views and ${MAX_COUNTERS} counters of each`,
    },
  ]);

function incrementsOf({ counted }: FoldState): Increments {
  const tally = new Tally();
  for (let one = counted; one; one = one.before) tally.merge(one.increments);
  return tally.increments();
}
