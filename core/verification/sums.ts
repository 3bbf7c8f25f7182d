import { CorruptDataError } from '../base/errors.ts';
import { type AnySharedProjection, shownCounts } from '../projections/shared-projection.ts';
import { CounterSums } from './counter-sums.ts';
import type { Difference } from './difference.ts';
import { generationOf, type VerificationState } from './state.ts';
import { differingSums, type ViewComparison } from './views.ts';

/** How often shared views are compared when they differ or change meanwhile. */
const LOOKS = 5;
/** Shares of the views, of 1,024, whose counters are in memory at once. */
const EXACT_SHARES = 16;

/** Begins to read the streams: the first time for all checks, later only for the sums of some shared projections. */
export async function beginLook(
  state: VerificationState,
  comparison: ViewComparison,
  projections: readonly AnySharedProjection[],
): Promise<void> {
  for (const projection of projections) {
    const exact = state.sums[projection.name]?.again ?? [];
    const stored = await comparison.sums(projection, generationOf(state, projection), []);
    const before = stored instanceof CorruptDataError ? '' : stored.digest;
    state.sums[projection.name] = { before, made: new CounterSums(exact) };
  }
  Object.assign(state, { phase: 'streams', after: undefined, looks: state.looks + 1 });
}

/**
 * Shared views must be the sums of the parts up to each checkpoint, unless they moved between. Shares of the views that
 * differ are compared again, counter by counter.
 */
export async function* compareSums(
  state: VerificationState,
  comparison: ViewComparison,
  projections: readonly AnySharedProjection[],
): AsyncGenerator<readonly Difference[]> {
  for (const projection of projections) {
    const looked = state.sums[projection.name];
    if (!looked || looked.again) continue;
    const { made, before } = looked;
    const stored = await comparison.sums(projection, generationOf(state, projection), made.exact);
    if (stored instanceof CorruptDataError) {
      delete state.sums[projection.name];
      yield [{ part: 'views', place: `${projection.name}/*`, kind: 'unreadable', detail: stored.message }];
      continue;
    }
    const shares = stored.differing(made);
    const differences = differingSums(projection, shownCounts(stored.counters()), shownCounts(made.counters()));
    const others = shares.filter((share) => !made.exact.has(share));
    const isSame = differences.length + others.length === 0; // a share of exact counters may differ by what is past the largest sum
    const hasMoved = stored.digest !== before;
    const isUnclear = !isSame && (made.exact.size === 0 || hasMoved);
    if (isUnclear && state.looks < LOOKS) {
      state.sums[projection.name] = { before, made, again: shares.slice(0, EXACT_SHARES) };
      continue;
    }
    delete state.sums[projection.name];
    if (isSame) continue;
    if (hasMoved) yield [movingOf(projection)];
    else yield others.length > 0 ? [...differences, moreOf(projection, others.length)] : differences;
  }
}

const moreOf = ({ name }: AnySharedProjection, shares: number): Difference => ({
  ...{ part: 'views', place: `${name}/*`, kind: 'differs' },
  detail: `of the 1,024 shares of its views ${shares} more differ; rebuild the projection`,
});

const movingOf = ({ name }: AnySharedProjection): Difference => ({
  ...{ part: 'views', place: `${name}/*`, kind: 'moving' },
  detail: `changed with each of ${LOOKS} looks; verify at a quieter time`,
});
