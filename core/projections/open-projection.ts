import type { DomainEvent } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import type { Projection, ProjectionOf } from './projection.ts';
import { type AnySharedProjection, defineSharedProjection, type SharedProjection } from './shared-projection.ts';

/** A stored event of a type that no module declares. Its data is what its writers sent, so parse it. */
export type OpenEvent = Omit<DomainEvent, 'type' | 'data'> & { readonly type: string; readonly data: JsonObject };

/** {@link Projection} with types that no module declares. */
export type OpenProjection<View extends object> = Omit<Projection<View>, 'types' | 'evolve'> & {
  readonly types: readonly string[];
  /** The view after an event; `undefined` before the first. Pure. */
  evolve(view: View | undefined, event: OpenEvent): View;
};

/** {@link SharedProjection} with types that no module declares. */
export type OpenSharedProjection<Own extends object> = Omit<SharedProjection<Own>, 'types' | 'evolve' | 'count'> & {
  readonly types: readonly string[];
  /** The memory of a stream, for counting its next events. Pure. */
  evolve(own: Own | undefined, event: OpenEvent): Own;
  /** The increments of an event. Pure. */
  count(event: OpenEvent, own: Own | undefined, next: Own): ReturnType<SharedProjection<Own>['count']>;
};

/** Declares a projection of event types that no module declares, for an application with `unknownEvents: 'accept'`. */
export const defineOpenProjection = <View extends object>(projection: OpenProjection<View>): ProjectionOf<View> =>
  projection as unknown as ProjectionOf<View>; // an event of any type is also an open event

/** The same for a projection that many streams feed. @throws Error as {@link defineSharedProjection} does */
export const defineOpenSharedProjection = <Own extends object>(
  projection: OpenSharedProjection<Own>,
): AnySharedProjection => defineSharedProjection(projection as unknown as AnySharedProjection); // as above
