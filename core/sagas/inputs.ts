import type { DomainEvent, EventData, EventType } from '../events/catalogue.ts';
import { findJsonFault } from '../events/json.ts';
import type { SagaInput } from './decider.ts';
import { type AnySaga, MAX_OUTPUT_DEPTH, type SagaAnswer, sagaIdOf } from './saga.ts';
import type { AnswerRef } from './state.ts';

/** An input for one saga. */
export interface Directed {
  readonly declaration: AnySaga;
  readonly sagaId: string;
  readonly input: SagaInput;
}

/** The reference of an answer's event. */
export const refOf = ({ id, aggregateType, aggregateId, sequenceNumber }: DomainEvent): AnswerRef => ({
  eventId: id,
  streamId: `${aggregateType}-${aggregateId}`,
  sequenceNumber,
});

/** The end of a party that sagas of a declaration may wait for. */
export interface Loss {
  readonly declaration: AnySaga;
  readonly reason: string;
}

/** The inputs that an event of a subject's stream gives: starts and answers. Empty for most events. */
export function inputsOf(sagas: readonly AnySaga[], event: DomainEvent): Directed[] {
  return sagas.flatMap((declaration): Directed[] => {
    const sagaId = sagaIdOf(declaration, event.aggregateId);
    if (declaration.startedBy === event.type) return [{ declaration, sagaId, input: { kind: 'start', event } }];
    const answer = declaration.answers[event.type] as SagaAnswer<EventType> | undefined;
    return answer ? [{ declaration, sagaId, input: inputOf(answer, event) }] : [];
  });
}

/** The reasons why the aggregate of this event cannot answer any more, by declaration. Empty for most events. */
export function lossesOf(sagas: readonly AnySaga[], event: DomainEvent): Loss[] {
  return sagas.flatMap((declaration) => {
    const reasons = declaration.steps.map(({ party }) =>
      party?.aggregateType === event.aggregateType ? party.fails(event) : undefined,
    );
    const reason = reasons.find((found) => found !== undefined);
    return reason === undefined ? [] : [{ declaration, reason }];
  });
}

function inputOf(answer: SagaAnswer<EventType>, event: DomainEvent): SagaInput {
  const data = event.data as EventData<EventType>;
  const item = answer.item(data);
  const reason = answer.fails?.(data);
  if (reason !== undefined) return { kind: 'fail', item, answer: refOf(event), reason };
  const whole = answer.output?.(data);
  const output = findJsonFault(whole, MAX_OUTPUT_DEPTH) ? undefined : whole;
  return { kind: 'complete', item, answer: refOf(event), ...(output === undefined ? {} : { output }) };
}
