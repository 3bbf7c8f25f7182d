import type { NewEvent } from '../events/catalogue.ts';
import type { Decider } from '../state/decider.ts';
import type { SagaEvents } from './consequences.ts';
import { type SagaInput, sagaDecider } from './decider.ts';
import type { AnySaga } from './saga.ts';
import type { SagaEvent, SagaRun, SagaState } from './state.ts';

/**
 * A saga as it is carried out: each event belongs to what the saga belongs to (`correlationId`), and names the event that
 * caused it (`causationId`), also where no answer but the time led to it.
 */
export function linkedSaga(declaration: AnySaga): Decider<SagaState, SagaInput, SagaEvent> {
  const decider = sagaDecider(declaration);
  return {
    ...decider,
    decide: (saga, input, context) => linked(decider.decide(saga, input, context), saga, input),
  };
}

function linked(events: SagaEvents, saga: SagaState, input: SagaInput): SagaEvents {
  const correlationId = input.kind === 'start' ? input.event.correlationId : saga.correlationId;
  const causes = events.map((event) => causeOfAttempt(saga, event));
  const cause = causeOf(saga, input) ?? causes[0]; // of a tick, what follows is caused by what ran out first
  return events.map((event, index) => {
    const causationId = causes[index] ?? cause;
    return {
      ...event,
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(causationId === undefined ? {} : { causationId }),
    };
  });
}

/** The event that an attempt is followed up from: a deadline from its start, the next attempt from its end. */
function causeOfAttempt(saga: SagaState, event: NewEvent<SagaEvent>): string | undefined {
  if (event.type === 'saga.step-started' && event.data.attempt > 1) {
    return runAt(saga, event.data.step, event.data.items[0])?.endedBy;
  }
  if (event.type === 'saga.step-failed' && event.data.cause === 'deadline') {
    return runAt(saga, event.data.step, event.data.item)?.begunBy;
  }
  return undefined;
}

/** Id of the event that an input is caused by; undefined when a user asked for it, or when time went by. */
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
    case 'resume':
      return undefined;
  }
}

const runAt = (saga: SagaState, step: string, item: string | undefined): SagaRun | undefined =>
  saga.runs.find((run) => run.step === step && run.item === item);
