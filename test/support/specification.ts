import type { DomainEvent, EventType, NewEvent } from '../../core/events/catalogue.ts';
import { type AnyProjection, aggregateTypesOf } from '../../core/projections/projection.ts';
import type { Decider } from '../../core/state/decider.ts';
import type { Rejection } from '../../testing/specification/aggregate.ts';
import { given } from '../../testing/specification/given.ts';
import * as history from '../../testing/specification/history.ts';
import { catalogue } from './application.ts';

/** New events as recorded events of a stream, with the ids e-1, e-2 and so on, in the versions of today. */
export function recorded(aggregateType: string, id: string, events: readonly NewEvent[]): DomainEvent[] {
  const named = events.map((event, index) => ({
    id: `e-${index + 1}`,
    version: catalogue.definitionOf(event.type)?.version,
    ...event,
  }));
  return history.recorded(named, { aggregateType, id, now: history.NOW });
}

/** {@link given} for many specifications of an aggregate. */
export function specification<State, Command, Type extends EventType>(
  decider: Decider<State, Command, Type>,
  id: string,
) {
  return (...past: NewEvent<Type>[]) => ({
    when: (command: Command) => {
      const decided = given(decider, past, { id }).when(command);
      return {
        thenEvents: (...expected: NewEvent<Type>[]) => decided.thenEvents(expected),
        thenRejected: (...expected: Rejection[]) => decided.thenRejected(...expected),
      };
    },
  });
}

/** Folds new events with a projection, as the history of one stream. */
export function view(projection: AnyProjection, id: string, events: readonly NewEvent[]): unknown {
  return recorded(aggregateTypesOf(projection, catalogue)[0] ?? '', id, events).reduce<unknown>(
    projection.evolve,
    undefined,
  );
}
