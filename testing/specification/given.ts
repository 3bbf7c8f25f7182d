import { parseStreamId } from '../../core/base/stream-id.ts';
import type { EventType, NewEvent } from '../../core/events/catalogue.ts';
import { isShared, type Projection } from '../../core/projections/projection.ts';
import type { SharedProjection } from '../../core/projections/shared-projection.ts';
import type { SagaDeclaration } from '../../core/sagas/saga.ts';
import type { Decider } from '../../core/state/decider.ts';
import { GivenAggregate } from './aggregate.ts';
import { GivenSaga } from './given-saga.ts';
import { ID, NOW, recorded } from './history.ts';
import { GivenSharedViews, GivenView, isProjection } from './projection.ts';

/** The settings of {@link given}. */
export interface GivenOptions {
  /** Id of the aggregate of the history; `1` by default. */
  readonly id?: string;
  /** The time, ISO 8601: of the history and of what follows it. 2026-01-05T09:00:00.000Z by default. */
  readonly now?: string;
}

/** Also the settings of a saga. */
export interface GivenSagaOptions extends GivenOptions {
  /** The aggregate type of the subject; by default the part of the first event's type before the dot. */
  readonly aggregateType?: string;
}

/** The histories of streams, by their ids, such as `invoice-1`. */
export type Histories<Type extends EventType> = Readonly<Record<string, readonly NewEvent<Type>[]>>;

/**
 * Begins a specification of a part: an aggregate, a projection or a saga, with the events that came before. It runs
 * without a store and without a test runner: it is of plain functions, and a broken expectation is an AssertionError of
 * `node:assert`. Events need only their type and data; ids, numbers and times are made.
 */
export function given<State, Command, Type extends EventType>(
  aggregate: Decider<State, Command, Type>,
  history: readonly NewEvent<Type>[],
  options?: GivenOptions,
): GivenAggregate<State, Command, Type>;
export function given<Input extends object, Start extends EventType>(
  saga: SagaDeclaration<Input, Start>,
  history: readonly NewEvent[],
  options?: GivenSagaOptions,
): GivenSaga;
export function given<Own extends object, Type extends EventType>(
  projection: SharedProjection<Own, Type>,
  histories: Histories<EventType>,
  options?: Pick<GivenOptions, 'now'>,
): GivenSharedViews;
export function given<View extends object, Type extends EventType>(
  projection: Projection<View, Type>,
  history: readonly NewEvent[],
  options?: GivenOptions,
): GivenView<View>;
export function given(part: object, history: unknown, options: GivenSagaOptions = {}): unknown {
  const { id = ID, now = NOW } = options;
  if (isProjection(part)) {
    if (isShared(part)) return new GivenSharedViews(part, historiesOf(history as Histories<EventType>, now));
    const { aggregateType } = part;
    return new GivenView(part, recorded(history as readonly NewEvent[], { aggregateType, id, now }));
  }
  if ('startedBy' in part) {
    const saga = part as SagaDeclaration<object>;
    const { aggregateType = saga.startedBy.split('.')[0] ?? '' } = options;
    return GivenSaga.of(saga, history as readonly NewEvent[], { aggregateType, id, now });
  }
  // biome-ignore lint/suspicious/noExplicitAny: State, Command and Type appear in argument positions
  const decider = part as Decider<any, any, any>;
  const place = { aggregateType: decider.aggregateType, id, now };
  return new GivenAggregate(decider, recorded(history as readonly NewEvent[], place), { id, now });
}

function historiesOf(histories: Histories<EventType>, now: string) {
  return Object.entries(histories).map(([stream, events]) => {
    const { aggregateType, aggregateId: id } = parseStreamId(stream);
    return recorded(events, { aggregateType, id, now });
  });
}
