import { streamId } from '../base/stream-id.ts';
import type { DomainEvent, EventData, NewEvent } from '../events/catalogue.ts';
import type { Json, JsonObject } from '../events/json.ts';

/** The event of the answer. */
export type AnswerRef = EventData<'saga.step-completed'>['answer'];

/** One item of a step. `waiting` is between two attempts. */
export interface SagaRun {
  readonly step: string;
  readonly item: string;
  readonly state: 'outstanding' | 'waiting' | 'completed' | 'failed' | 'compensated';
  readonly attempt: number;
  readonly deadline: string;
  /** The time of the next attempt, while `waiting`. */
  readonly retryAt?: string | undefined;
  readonly answer?: AnswerRef;
  readonly output?: EventData<'saga.step-completed'>['output'];
  /** The reason why the last attempt failed. */
  readonly reason?: string;
  /** An attempt ended without an answer, so its party may still be at work. */
  readonly loose?: boolean;
  /** The attempt has an answer, accepted or ignored. Another answer is a repeat. */
  readonly heard?: boolean;
  /** Id of the event that began the attempt: the cause of its command and its deadline. */
  readonly begunBy?: string | undefined;
  /** Id of the event that ended the attempt: the cause of the next attempt. */
  readonly endedBy?: string | undefined;
}

/** States as in the original specification; `NONE` before the start. */
export type SagaStatus = 'NONE' | 'STARTED' | 'COMPENSATING' | 'COMPLETED' | 'FAILED';

/** The state of a saga, folded from its history. */
export interface SagaState {
  readonly status: SagaStatus;
  readonly sagaType: string;
  readonly input: JsonObject;
  /** In the order of their beginning. */
  readonly runs: readonly SagaRun[];
  /** The signals that came, by name. */
  readonly signals: Readonly<Record<string, { readonly answer: AnswerRef; readonly payload?: Json | undefined }>>;
  /** The number of events of its history. */
  readonly length: number;
  /** The reason of the compensation or the failure. */
  readonly reason?: string;
  /** The correlation id of the event that started the saga. */
  readonly correlationId?: string | undefined;
  /** Id of the event that began the compensation, or resumed it. */
  readonly turnedBy?: string | undefined;
  /** Id of the last event of its history. */
  readonly lastId?: string | undefined;
  /** The item that could not be undone, while the saga waits for an operator. */
  readonly parked?: Pick<EventData<'saga.parked'>, 'step' | 'item' | 'reason'> | undefined;
}

export const initialSaga: SagaState = { status: 'NONE', sagaType: '', input: {}, runs: [], signals: {}, length: 0 };

/** The saga after an event of its history. */
export function evolveSaga(saga: SagaState, event: DomainEvent | NewEvent): SagaState {
  return { ...evolved(saga, event), lastId: event.id, length: saga.length + 1 };
}

function evolved(saga: SagaState, event: DomainEvent | NewEvent): SagaState {
  const { id } = event;
  switch (event.type) {
    case 'saga.started': {
      const { sagaType, input } = event.data;
      return { ...saga, status: 'STARTED', sagaType, input, correlationId: event.correlationId };
    }
    case 'saga.step-started':
      return { ...saga, runs: started(saga.runs, event.data, id) };
    case 'saga.step-completed': {
      const { answer, output } = event.data;
      const done = { state: 'completed', answer, heard: true } as const;
      return change(saga, event.data, { ...done, ...(output === undefined ? {} : { output }) });
    }
    case 'saga.step-failed': {
      const { reason, retryAt, cause, answer } = event.data;
      const loose = cause === 'deadline' || cause === 'party' ? { loose: true } : {};
      const state = retryAt === undefined ? 'failed' : 'waiting';
      // The end of a party is no answer: an answer may still arrive.
      const heard = answer && cause === 'answer' ? { heard: true } : {};
      return change(saga, event.data, { state, reason, retryAt, endedBy: id, ...loose, ...heard });
    }
    case 'saga.signalled': {
      const { sagaId, name, payload } = event.data;
      const answer = { eventId: id ?? '', streamId: streamId('saga', sagaId), sequenceNumber: saga.length + 1 };
      return { ...saga, signals: { ...saga.signals, [name]: { answer, payload } } };
    }
    case 'saga.compensating':
      return { ...saga, status: 'COMPENSATING', reason: event.data.reason, turnedBy: id };
    case 'saga.step-compensated':
      return change(saga, event.data, { state: 'compensated' });
    case 'saga.parked': {
      const { step, item, reason } = event.data;
      return { ...saga, parked: { step, item, reason } };
    }
    case 'saga.resumed':
      return { ...saga, parked: undefined, turnedBy: id };
    case 'saga.completed':
      return { ...saga, status: 'COMPLETED' };
    case 'saga.failed':
      return { ...saga, status: 'FAILED' };
    case 'saga.answer-ignored': {
      const run = runOf(saga, event.data.item);
      return run ? change(saga, run, { heard: true }) : saga;
    }
    default:
      return saga; // an event that the declaration adds at the end
  }
}

function started(
  runs: readonly SagaRun[],
  { step, items, attempt, deadline }: EventData<'saga.step-started'>,
  begunBy: string | undefined,
): readonly SagaRun[] {
  const begun = { state: 'outstanding', attempt, deadline, begunBy } as const;
  if (attempt === 1) return [...runs, ...items.map((item): SagaRun => ({ step, item, ...begun }))];
  return runs.map((run) => {
    if (run.step !== step || !items.includes(run.item)) return run;
    return { ...run, ...begun, retryAt: undefined, heard: false };
  });
}

function change(
  saga: SagaState,
  { step, item }: { readonly step: string; readonly item: string },
  changed: Partial<SagaRun>,
): SagaState {
  const runs = saga.runs.map((run) => (run.step === step && run.item === item ? { ...run, ...changed } : run));
  return { ...saga, runs };
}

/** Answers name items; if two steps have an item of the name, the later step counts. */
export const runOf = (saga: SagaState, item: string): SagaRun | undefined =>
  saga.runs.findLast((run) => run.item === item);

export const outstanding = (saga: SagaState): readonly SagaRun[] =>
  saga.status === 'STARTED' ? saga.runs.filter(({ state }) => state === 'outstanding') : [];

/**
 * The items to undo, in this order: completed items, and items begun without an answer, since their party may be at work.
 * An item with a failure as its answer has nothing to undo.
 */
export const compensable = (saga: SagaState): readonly SagaRun[] => saga.runs.filter(hasEffect).toReversed();

const hasEffect = ({ state, loose = false }: SagaRun): boolean =>
  state === 'completed' || state === 'outstanding' || (loose && state !== 'compensated');

/** The next time that changes the saga, ISO 8601. */
export function nextWake(saga: SagaState): string | undefined {
  if (saga.status !== 'STARTED') return undefined;
  const instants = saga.runs.flatMap(({ state, deadline, retryAt }) =>
    state === 'outstanding' ? [deadline] : state === 'waiting' && retryAt !== undefined ? [retryAt] : [],
  );
  return instants.toSorted()[0];
}
