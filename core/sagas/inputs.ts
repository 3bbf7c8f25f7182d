import type { DomainEvent, EventData, EventType } from '../events/catalogue.ts';
import { findJsonFault } from '../events/json.ts';
import type { SagaInput } from './decider.ts';
import { approvalAnswers } from './gates.ts';
import {
  type AnySaga,
  declarationOf,
  MAX_OUTPUT_DEPTH,
  type Party,
  partiesOf,
  type SagaAnswer,
  sagaIdOf,
} from './saga.ts';
import type { AnswerRef, SagaState } from './state.ts';

/** An input for one saga. */
export interface Directed {
  readonly declaration: AnySaga;
  readonly sagaId: string;
  readonly input: SagaInput;
  /** The id of the subject that an answer is for; undefined for an answer to a saga that has begun for certain. */
  readonly subject?: string | undefined;
}

/** The reference of an answer's event. */
export const refOf = ({ id, aggregateType, aggregateId, sequenceNumber }: DomainEvent): AnswerRef => ({
  eventId: id,
  streamId: `${aggregateType}-${aggregateId}`,
  sequenceNumber,
});

/** The types of events that answer any saga. They name it. */
export const namingTypes = Object.keys(approvalAnswers) as (keyof typeof approvalAnswers)[];

/** The inputs that an event gives: starts and answers. Empty for most events. */
export function inputsOf(sagas: readonly AnySaga[], event: DomainEvent): Directed[] {
  if (event.type === 'approval.decided' || event.type === 'approval.expired') return named(sagas, event);
  return sagas.flatMap((declaration): Directed[] => {
    if (declaration.startedBy === event.type) {
      const sagaId = sagaIdOf(declaration, event.aggregateId);
      return [{ declaration, sagaId, input: { kind: 'start', event } }];
    }
    const answer = declaration.answers[event.type] as SagaAnswer<EventType> | undefined;
    if (!answer) return [];
    const subject = answer.subject?.(event.data as EventData<EventType>) ?? event.aggregateId;
    return [{ declaration, sagaId: sagaIdOf(declaration, subject), input: inputOf(answer, event), subject }];
  });
}

/** The answer of an event that names its saga. */
function named(sagas: readonly AnySaga[], event: DomainEvent<'approval.decided' | 'approval.expired'>): Directed[] {
  const { sagaId } = event.data;
  const declaration = declarationOf(sagas, sagaId);
  const answer = approvalAnswers[event.type] as unknown as SagaAnswer<EventType>;
  return declaration ? [{ declaration, sagaId, input: inputOf(answer, event) }] : [];
}

/** The declarations whose sagas may have a party that ends with this event. None for most events. */
export function losersOf(sagas: readonly AnySaga[], event: DomainEvent): AnySaga[] {
  return sagas.filter(({ steps }) =>
    steps.some((step) => partiesOf(step).some((party) => endOf(party, event) !== undefined)),
  );
}

/** The inputs of a saga whose items lose a party by this event. */
export function lossesOf({ steps }: AnySaga, { input, runs }: SagaState, event: DomainEvent): SagaInput[] {
  return runs.flatMap(({ step, item }) => {
    const own = steps.find(({ name }) => name === step);
    const concerned = own ? partiesOf(own).filter(({ id }) => id(item, { input, runs }) === event.aggregateId) : [];
    const reason = concerned.map((party) => endOf(party, event)).find((found) => found !== undefined);
    return reason === undefined ? [] : [{ kind: 'lose', item, reason, answer: refOf(event) }];
  });
}

/** The reason why a party of this kind cannot answer after an event. */
const endOf = ({ aggregateType, fails }: Party<unknown>, event: DomainEvent): string | undefined =>
  aggregateType === event.aggregateType ? fails(event) : undefined;

function inputOf(answer: SagaAnswer<EventType>, event: DomainEvent): SagaInput {
  const data = event.data as EventData<EventType>;
  const item = answer.item(data);
  const reason = answer.fails?.(data);
  if (reason !== undefined) return { kind: 'fail', item, answer: refOf(event), reason };
  const whole = answer.output?.(data);
  const output = findJsonFault(whole, MAX_OUTPUT_DEPTH) ? undefined : whole;
  return { kind: 'complete', item, answer: refOf(event), ...(output === undefined ? {} : { output }) };
}
