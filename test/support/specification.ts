import { expect } from 'vitest';
import type { DomainEvent, EventType, NewEvent } from '../../core/events/catalogue.ts';
import { type AnyProjection, aggregateTypesOf } from '../../core/projections/projection.ts';
import type { Decider } from '../../core/state/decider.ts';
import { catalogue } from '../../events/catalogue.ts';

const NOW = '2026-01-05T09:00:00.000Z';

/** New events as recorded events of a stream: event n has number n, and is recorded now unless it has a timestamp. */
export function recorded(aggregateType: string, aggregateId: string, events: readonly NewEvent[]): DomainEvent[] {
  return events.map(
    (event, index) =>
      ({
        source: 'test',
        timestamp: NOW,
        ...event,
        id: event.id ?? `e-${index + 1}`,
        version: catalogue.definitionOf(event.type)?.version,
        metadata: { ...event.metadata, recordedAt: NOW },
        aggregateId,
        aggregateType,
        sequenceNumber: index + 1,
      }) as DomainEvent,
  );
}

/** Given past events, when a command is executed, then these events follow or it is rejected with this message. */
export function specification<State, Command, Type extends EventType>(
  decider: Decider<State, Command, Type>,
  id: string,
) {
  return (...past: NewEvent<Type>[]) => {
    const history = recorded(decider.aggregateType, id, past as NewEvent[]) as DomainEvent<Type>[];
    const state = history.reduce(decider.evolve, decider.initialState);
    return {
      when: (command: Command) => {
        const decide = () => decider.decide(state, command, { now: NOW, id });
        return {
          thenEvents: (...expected: NewEvent<Type>[]) => expect(decide()).toEqual(expected),
          // biome-ignore lint/suspicious/noExplicitAny: the arguments of any constructor of errors
          thenRejected: (error: new (...args: any[]) => Error, rule: RegExp) => {
            expect(decide).toThrow(error);
            expect(decide).toThrow(rule);
          },
        };
      },
    };
  };
}

/** Folds new events with a projection, as the history of one stream. */
export function view(projection: AnyProjection, id: string, events: readonly NewEvent[]): unknown {
  return recorded(aggregateTypesOf(projection, catalogue)[0] ?? '', id, events).reduce<unknown>(
    projection.evolve,
    undefined,
  );
}
