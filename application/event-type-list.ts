import type { DomainEvent } from '../core/events/catalogue.ts';
import { EVENT_TYPE_STREAMS } from '../core/events/event-type.ts';
import { defineProjection } from '../core/projections/projection.ts';

/** A registered event type in a list. The version of the view is the version of the schema. */
export interface EventTypeView {
  readonly type: string;
  readonly aggregateType: string;
  readonly description?: string;
}

/** The projection of all registered event types; every application has it. */
export const eventTypeList = defineProjection({
  name: 'event-types',
  aggregateType: EVENT_TYPE_STREAMS,
  types: ['eventtype.registered'],
  group: { of: () => 'registered', values: ['registered'] },
  evolve(_: EventTypeView | undefined, { data }: DomainEvent<'eventtype.registered'>): EventTypeView {
    const { type, aggregateType, description } = data;
    return { type, aggregateType, ...(description === undefined ? {} : { description }) };
  },
});
