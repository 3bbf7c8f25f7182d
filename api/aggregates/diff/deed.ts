import type { AnyAggregate, Cost } from '../../../application/aggregate.ts';
import type { Catalogue, DomainEvent } from '../../../core/events/catalogue.ts';

/** What a comparison sees of an event. */
export interface Deeds {
  /** The part of an event's data that two streams have in common when they did the same. */
  of(event: DomainEvent): Readonly<Record<string, unknown>>;
  /** The text by which events are aligned, besides their type; empty when there is none. */
  actionOf(event: DomainEvent): string;
  costOf(event: DomainEvent): Cost | undefined;
}

/** The deeds of an aggregate, by its declaration. The ids of a stream differ between any two streams. */
export function deedsOf({ compare }: AnyAggregate, { definitionOf }: Pick<Catalogue, 'definitionOf'>): Deeds {
  const circumstances: readonly string[] = compare?.circumstances ?? [];
  return {
    of({ type, data }) {
      const left = new Set<string>([...circumstances, ...(definitionOf(type)?.streamIds ?? [])]);
      return Object.fromEntries(Object.entries(data).filter(([name]) => !left.has(name)));
    },
    actionOf: (event) => compare?.action?.(event) ?? '',
    costOf: (event) => compare?.cost?.(event),
  };
}

/** A value with each run of white space in its texts as one blank, none at either end. */
export function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.trim().replaceAll(/\s+/g, ' ');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
