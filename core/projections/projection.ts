import * as z from 'zod';
import { NotFoundError } from '../base/errors.ts';
import { parseStreamId, streamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent, EventType } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import { checkedEntries, type ListEntry } from './entries.ts';
import type { Parked } from './parked.ts';
import { type AnySharedProjection, homesOf } from './shared-projection.ts';

/**
 * A declaration of a read model: its events, the view of each event, and the change of the view. Live, rebuild and
 * point-in-time runs use the same declaration.
 */
export interface Projection<View extends object = JsonObject, Type extends EventType = EventType> {
  /** Name in URLs and keys. */
  readonly name: string;
  /** The aggregate type whose streams feed the views. Each stream has a view under the aggregate's id. */
  readonly aggregateType: string;
  readonly types: readonly Type[];
  /**
   * Raise it with each change of `evolve` that leads to other views, so that older snapshots are skipped. Default 1.
   */
  readonly stateVersion?: number;
  /** The view after an event; `undefined` before the first. Pure. */
  evolve(view: View | undefined, event: DomainEvent<Type>): View;
  /** The property by which views can be listed, and its values. */
  readonly group: { readonly of: (view: View) => string; readonly values: readonly string[] };
  /**
   * The lists in which a view stands, with its order in each: at most 100, each list once. The view leaves a list when a
   * later view does not give the entry. A list can have any name of 1 to 256 characters, such as the id of a person. An
   * order has 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : -. Views that are stored already get their entries with
   * their next event, or by a rebuild. Pure.
   */
  entries?(view: View): readonly ListEntry[];
}

/** Declares a projection. */
export function defineProjection<View extends object, const Type extends EventType>(
  projection: Projection<View, Type>,
): Projection<View, Type> {
  return projection;
}

/**
 * Checks a declaration.
 * @throws Error unless all events of a projection come from streams that feed it; an event type that no module declares
 * may come from every stream that no module declares, if the application accepts such types
 */
export function assertFed(projection: AnyProjection, catalogue: Catalogue): void {
  for (const type of projection.types) {
    const home = catalogue.definitionOf(type)?.aggregateType;
    if (isShared(projection) ? home !== undefined : home === projection.aggregateType) continue;
    if (home === undefined && isOpenTo(projection, type, catalogue) && catalogue.unknownEvents === 'accept') continue;
    const streams = isShared(projection) ? 'any' : projection.aggregateType;
    throw new Error(`projection ${projection.name}: ${type} is not in ${streams} streams`);
  }
}

/** A projection with these views and any events, for code that runs it. */
// biome-ignore lint/suspicious/noExplicitAny: Type appears in argument and result positions, so only any fits all
export type ProjectionOf<View extends object> = Projection<View, any>;

/** A projection of either kind with any views, for code that runs all projections. */
// biome-ignore lint/suspicious/noExplicitAny: as above, for View
export type AnyProjection = ProjectionOf<any> | AnySharedProjection;

/** The projection of a name. @throws NotFoundError */
export function projectionNamed(name: string, projections: readonly AnyProjection[]): AnyProjection {
  const found = projections.find((candidate) => candidate.name === name);
  if (!found) throw new NotFoundError(`there is no projection ${name}; GET /projections lists them`);
  return found;
}

/** Whether many streams feed a projection's views. */
export const isShared = (projection: AnyProjection): projection is AnySharedProjection => 'count' in projection;

/** Whether a projection may take a type that no module declares. */
const isOpenTo = (projection: AnyProjection, type: string, { isOpen, retired }: Catalogue): boolean =>
  isShared(projection) ? retired.get(type) === undefined : isOpen(projection.aggregateType, type);

/** The declared aggregate types whose streams feed a projection, and the aggregate type of a one-stream projection. */
export const aggregateTypesOf = (projection: AnyProjection, catalogue: Catalogue): readonly string[] =>
  isShared(projection) ? homesOf(projection, catalogue) : [projection.aggregateType];

/** Whether streams of an aggregate type feed a projection; those that no module declares feed a shared one by its types. */
export function isFedFrom(projection: AnyProjection, aggregateType: string, catalogue: Catalogue): boolean {
  if (aggregateTypesOf(projection, catalogue).includes(aggregateType)) return true;
  return isShared(projection) && projection.types.some((type) => catalogue.isOpen(aggregateType, type));
}

/** The key of a stream's checkpoint: the aggregate's id, or the stream's id in a shared projection. */
export const keyIn = (projection: AnyProjection, stream: string): string =>
  isShared(projection) ? stream : parseStreamId(stream).aggregateId;

/** The stream of a checkpoint's key. */
export const streamOf = (projection: AnyProjection, key: string): string =>
  isShared(projection) ? key : streamId(projection.aggregateType, key);

/**
 * The group that lists a view. Empty when no event of the projection's came yet, and for checkpoints of shared views.
 */
export const groupOf = (projection: AnyProjection, view: unknown): string =>
  view === undefined || isShared(projection) ? '' : projection.group.of(view as never);

/** The entries of a view in lists, sorted by list; see {@link Projection.entries}. @throws ValidationError */
export const entriesOf = (projection: AnyProjection, view: unknown): readonly ListEntry[] =>
  view === undefined || isShared(projection) || !projection.entries
    ? []
    : checkedEntries(projection.name, projection.entries(view as never));

/** Every group of a projection's checkpoints, and '', which has the checkpoints without a group. */
export const groupsOf = (projection: AnyProjection): readonly string[] =>
  isShared(projection) ? [''] : [...projection.group.values, ''];

/** A claim for an object with members of a view. */
export const viewClaim = z.strictObject({ key: z.string(), bytes: z.int().positive(), sha256: z.string() });
/** A claim; see {@link viewClaim}. */
export type ViewClaim = z.output<typeof viewClaim>;

/** A stored view. */
export interface StoredView<View extends object = JsonObject> {
  readonly projection: string;
  /** The generation of the projection. A rebuild makes the next generation beside it. */
  readonly generation: number;
  readonly key: string;
  /** Sequence number of the last event applied: the checkpoint, written together with the view. 0 when only parked. */
  readonly version: StreamVersion;
  /** The group of the view; see {@link Projection.group}. Empty before the first event of the projection. */
  readonly group: string;
  readonly view: View | undefined;
  /** Claims for large members of the view; see core/projections/large-views.ts. */
  readonly aside?: readonly ViewClaim[];
  /** The lists in which the view stands, sorted by list; absent without any. See {@link Projection.entries}. */
  readonly entries?: readonly ListEntry[];
  /** Entries that the storage still holds, though the view does not give them. Readers of lists do not see them. */
  readonly surplus?: readonly ListEntry[];
  /** Set while the stream waits as a dead letter of the projection. */
  readonly parked?: Parked;
}

/** Folds an event into a view. An event type that the projection does not take leaves the view unchanged. */
export function evolveView<View extends object>(
  projection: Pick<ProjectionOf<View>, 'types' | 'evolve'>,
  view: View | undefined,
  event: DomainEvent,
): View | undefined {
  return (projection.types as readonly string[]).includes(event.type) ? projection.evolve(view, event) : view;
}
