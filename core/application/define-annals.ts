import type { Catalogue } from '../events/catalogue.ts';
import { type AnyProjection, assertFed, isShared } from '../projections/projection.ts';
import { viewFold } from '../projections/view-fold.ts';
import type { AnySaga } from '../sagas/saga.ts';
import type { AnyDecider } from '../state/decider.ts';
import { type AnyFold, stateFold } from '../state/fold.ts';

/** What an application consists of. */
export interface AnnalsDeclaration {
  readonly catalogue: Catalogue;
  /** The deciders of the streams that take commands. A stream without a decider takes every open event of its type. */
  readonly aggregates?: readonly AnyDecider[];
  readonly projections?: readonly AnyProjection[];
  readonly sagas?: readonly AnySaga[];
}

/** A checked declaration, and what follows from it: the options that hosts give to the parts of core. */
export interface Annals extends Required<AnnalsDeclaration> {
  /** Every fold with snapshots: the states of aggregates, and the views of their streams. */
  readonly folds: readonly AnyFold[];
}

/**
 * Declares an application in one place.
 * @throws Error when a name is taken twice, or a part needs an event type that the catalogue lacks
 */
export function defineAnnals(declaration: AnnalsDeclaration): Annals {
  const { catalogue, aggregates = [], projections = [], sagas = [] } = declaration;
  assertOnce(
    'aggregate',
    aggregates.map(({ aggregateType }) => aggregateType),
  );
  assertOnce(
    'projection',
    projections.map(({ name }) => name),
  );
  assertOnce(
    'saga',
    sagas.map(({ name }) => name),
  );
  for (const { aggregateType } of aggregates) {
    if (catalogue.aggregateTypes.includes(aggregateType)) continue;
    throw new Error(`aggregate ${aggregateType}: no event type belongs in its streams`);
  }
  for (const projection of projections) assertFed(projection, catalogue);
  for (const saga of sagas) assertKnown(saga, catalogue);
  const views = projections.flatMap((projection) => (isShared(projection) ? [] : [viewFold(projection)]));
  return { catalogue, aggregates, projections, sagas, folds: [...aggregates.map(stateFold), ...views] };
}

function assertOnce(kind: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${kind} ${twice} is declared twice`);
}

/** The history of a saga consists of events, too. */
function assertKnown({ name, startedBy, answers, steps }: AnySaga, catalogue: Catalogue): void {
  const ends = steps.flatMap(({ party }) => party?.endedBy ?? []);
  const unknown = ['saga.started', startedBy, ...Object.keys(answers), ...ends].find(
    (type) => !catalogue.definitionOf(type),
  );
  if (unknown !== undefined) throw new Error(`saga ${name}: ${unknown} is not a known event type`);
}
