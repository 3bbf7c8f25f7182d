import * as z from 'zod';
import { NotFoundError } from '../base/errors.ts';
import { parseStreamId, streamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent, EventType } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import type { Parked } from './parked.ts';
import { type AnySharedProjection, homesOf } from './shared-projection.ts';

/**
 * A read model, declared once: which events, which view each belongs to, how the view changes. Live, rebuild and
 * point-in-time runs all fold with this same value.
 */
export interface Projection<View extends object = JsonObject, Type extends EventType = EventType> {
  /** Name in URLs and keys. */
  readonly name: string;
  /** The aggregate whose streams feed it: each stream one view, under the aggregate's id. */
  readonly aggregateType: string;
  readonly types: readonly Type[];
  /** Raised with each change of `evolve` that leads to other views, so that snapshots of the old ones are passed over. Default 1. */
  readonly stateVersion?: number;
  /** The view after an event; `undefined` before the first. Pure. */
  evolve(view: View | undefined, event: DomainEvent<Type>): View;
  /** Views can be listed by this property of theirs. */
  readonly group: { readonly of: (view: View) => string; readonly values: readonly string[] };
}

/** Declares a projection. */
export function defineProjection<View extends object, const Type extends EventType>(
  projection: Projection<View, Type>,
): Projection<View, Type> {
  return projection;
}

/** @throws Error unless the events of a projection all come from streams that feed it */
export function assertFed(projection: AnyProjection, { definitionOf }: Catalogue): void {
  for (const type of projection.types) {
    const home = definitionOf(type)?.aggregateType;
    if (isShared(projection) ? home !== undefined : home === projection.aggregateType) continue;
    const streams = isShared(projection) ? 'any' : projection.aggregateType;
    throw new Error(`projection ${projection.name}: ${type} is not in ${streams} streams`);
  }
}

/** A projection with these views, whatever events it takes, for code that runs it. */
// biome-ignore lint/suspicious/noExplicitAny: Type appears in argument and result positions, so only any fits all
export type ProjectionOf<View extends object> = Projection<View, any>;

/** A projection of either kind, whatever its views look like, for code that runs them all. */
// biome-ignore lint/suspicious/noExplicitAny: as above, for View
export type AnyProjection = ProjectionOf<any> | AnySharedProjection;

/** The projection of a name. @throws NotFoundError */
export function projectionNamed(name: string, projections: readonly AnyProjection[]): AnyProjection {
  const found = projections.find((candidate) => candidate.name === name);
  if (!found) throw new NotFoundError(`there is no projection ${name}; GET /projections lists them`);
  return found;
}

/** Whether a projection's views are fed by many streams. */
export const isShared = (projection: AnyProjection): projection is AnySharedProjection => 'count' in projection;

/** The aggregates whose streams feed a projection. */
export const aggregateTypesOf = (projection: AnyProjection, catalogue: Catalogue): readonly string[] =>
  isShared(projection) ? homesOf(projection, catalogue) : [projection.aggregateType];

/** What a stream's checkpoint in a projection is kept under: with the view of its aggregate, or by itself. */
export const keyIn = (projection: AnyProjection, stream: string): string =>
  isShared(projection) ? stream : parseStreamId(stream).aggregateId;

/** The stream whose checkpoint is kept under a key. */
export const streamOf = (projection: AnyProjection, key: string): string =>
  isShared(projection) ? key : streamId(projection.aggregateType, key);

/** The group that lists a view. Empty when no event of the projection's came yet, and for checkpoints of shared views. */
export const groupOf = (projection: AnyProjection, view: unknown): string =>
  view === undefined || isShared(projection) ? '' : projection.group.of(view as never);

/** Every group that a projection's checkpoints can be listed under, and '', which has those that are in no list. */
export const groupsOf = (projection: AnyProjection): readonly string[] =>
  isShared(projection) ? [''] : [...projection.group.values, ''];

/** In the place of what lies in an object: members of a view, as a JSON object. */
export const viewClaim = z.strictObject({ key: z.string(), bytes: z.int().positive(), sha256: z.string() });
export type ViewClaim = z.output<typeof viewClaim>;

/** A view as it is stored. */
export interface StoredView<View extends object = JsonObject> {
  readonly projection: string;
  /** Which build of the projection this belongs to; a rebuild makes the next one beside it. */
  readonly generation: number;
  readonly key: string;
  /** Sequence number of the last event applied: the checkpoint, written together with the view. 0 when only parked. */
  readonly version: StreamVersion;
  /** What the view is listed under; see {@link Projection.group}. Empty when no event of the projection's came yet. */
  readonly group: string;
  readonly view: View | undefined;
  /** What of the view lies aside, because it is large; see core/projections/large-views.ts. */
  readonly aside?: readonly ViewClaim[];
  /** Set while the stream waits as a dead letter of the projection. */
  readonly parked?: Parked;
}

/** Folds one event into a view if it is one of the projection's; any other leaves the view as it is. */
export function evolveView<View extends object>(
  projection: Pick<ProjectionOf<View>, 'types' | 'evolve'>,
  view: View | undefined,
  event: DomainEvent,
): View | undefined {
  return (projection.types as readonly string[]).includes(event.type) ? projection.evolve(view, event) : view;
}
