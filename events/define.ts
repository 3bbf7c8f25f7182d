import type * as z from 'zod';

/** Domain events belong to an aggregate, integration events tell of another system, system events of the machinery. */
export type EventKind = 'domain' | 'integration' | 'system';

/** Everything Annals knows of an event type; types, validation and OpenAPI derive from it. */
export interface EventDefinition<
  Type extends string = string,
  Data extends z.ZodObject = z.ZodObject,
  Kind extends EventKind = EventKind,
> {
  /** `<subject>.<what-happened>` */
  readonly type: Type;
  readonly kind: Kind;
  /** Current version of the data's schema, from 1. `samples/<type>.v<N>.json` holds one event of each version. */
  readonly version: number;
  /** Which streams it may stand in: those named `<aggregateType>-<id>`. */
  readonly aggregateType: string;
  readonly description: string;
  readonly data: Data;
  /** Members of `data` that may hold secrets or personal data. */
  readonly sensitive: readonly (keyof z.output<Data> & string)[];
}

/** Declares an event type. The types of all its uses follow from this one value. */
export function defineEvent<const Type extends string, Data extends z.ZodObject, const Kind extends EventKind>(
  definition: EventDefinition<Type, Data, Kind>,
): EventDefinition<Type, Data, Kind> {
  return definition;
}
