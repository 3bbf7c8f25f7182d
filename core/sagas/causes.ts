import type { EventType, NewEvent } from '../events/catalogue.ts';
import type { Decider } from '../state/decider.ts';
import type { SagaEvents } from './consequences.ts';
import { type SagaInput, sagaDecider } from './decider.ts';
import type { AnySaga } from './saga.ts';
import type { SagaRun, SagaState } from './state.ts';

/**
 * A saga with causes: each event carries the `correlationId` of the saga and, as `causationId`, the event that caused
 * it, also when a deadline did.
 */
export function linkedSaga(declaration: AnySaga): Decider<SagaState, SagaInput, EventType> {
  const decider = sagaDecider(declaration);
  return {
    ...decider,
    decide: (saga, input, context) => linked(decider.decide(saga, input, context), saga, input),
  };
}

function linked(events: SagaEvents, saga: SagaState, input: SagaInput): SagaEvents {
  const correlationId = input.kind === 'start' ? input.event.correlationId : saga.correlationId;
  const causes = events.map((event) => causeOfAttempt(saga, event));
  const cause = causeOf(saga, input) ?? causes[0]; // the first expired attempt causes the effects of a tick
  return events.map((event, index) => {
    const causationId = causes[index] ?? cause;
    return {
      ...event,
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(causationId === undefined ? {} : { causationId }),
    };
  });
}

/** The event that causes the next step of an attempt: its start for a deadline, its answer, its end for the next attempt. */
function causeOfAttempt(saga: SagaState, event: NewEvent): string | undefined {
  if (event.type === 'saga.step-started' && event.data.attempt > 1) {
    return runAt(saga, event.data.step, event.data.items[0])?.endedBy;
  }
  if (event.type === 'saga.step-failed' && event.data.cause === 'deadline') {
    return runAt(saga, event.data.step, event.data.item)?.begunBy;
  }
  if (event.type === 'saga.step-completed') return event.data.answer.eventId;
  return undefined;
}

/** Id of the event that caused an input; undefined for a user's request or a timer. */
function causeOf(saga: SagaState, input: SagaInput): string | undefined {
  switch (input.kind) {
    case 'start':
      return input.event.id;
    case 'complete':
    case 'fail':
    case 'lose':
      return input.answer.eventId;
    case 'refuse':
      return runAt(saga, input.step, input.item)?.begunBy;
    case 'cancel':
      return input.cause;
    case 'undone':
    case 'park':
      return saga.turnedBy;
    case 'tick':
    case 'retry':
    case 'signal':
    case 'resume':
      return undefined;
  }
}

const runAt = (saga: SagaState, step: string, item: string | undefined): SagaRun | undefined =>
  saga.runs.find((run) => run.step === step && run.item === item);
