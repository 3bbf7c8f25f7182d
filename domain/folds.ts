import { isShared } from '../core/projections/projection.ts';
import { viewFold } from '../core/projections/view-fold.ts';
import { type AnyFold, stateFold } from '../core/state/fold.ts';
import { aggregates } from './aggregates.ts';
import { projections } from './projections.ts';

/** Every fold with snapshots: the states of aggregates, and the views of their streams. */
export const folds: readonly AnyFold[] = [
  ...aggregates.map(stateFold),
  ...projections.flatMap((projection) => (isShared(projection) ? [] : [viewFold(projection)])),
];
