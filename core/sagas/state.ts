import type { DomainEvent, EventData, NewEvent } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';

export type SagaEvent =
  | 'saga.started'
  | 'saga.step-started'
  | 'saga.step-completed'
  | 'saga.step-failed'
  | 'saga.answer-ignored'
  | 'saga.compensating'
  | 'saga.step-compensated'
  | 'saga.parked'
  | 'saga.resumed'
  | 'saga.completed'
  | 'saga.failed'
  | 'multi-agent-task.completed'
  | 'multi-agent-task.failed';

/** The event that was taken as an answer. */
export type AnswerRef = EventData<'saga.step-completed'>['answer'];

/** One item of a step. `waiting` is between two attempts. */
export interface SagaRun {
  readonly step: string;
  readonly item: string;
  readonly state: 'outstanding' | 'waiting' | 'completed' | 'failed' | 'compensated';
  readonly attempt: number;
  readonly deadline: string;
  /** When the next attempt is due, while `waiting`. */
  readonly retryAt?: string | undefined;
  readonly answer?: AnswerRef;
  readonly output?: EventData<'saga.step-completed'>['output'];
  /** Why the last attempt failed. */
  readonly reason?: string;
  /** An attempt ended without an answer of its own, so that somebody may still be at it. */
  readonly loose?: boolean;
  /** An answer to the attempt has come, taken or ignored. Another one is a repeat. */
  readonly heard?: boolean;
  /** Id of the event that began the attempt: what its command, and its deadline, are caused by. */
  readonly begunBy?: string | undefined;
  /** Id of the event that ended the attempt, which the next attempt is caused by. */
  readonly endedBy?: string | undefined;
}

/** States as in the original specification; `NONE` before the start. */
export type SagaStatus = 'NONE' | 'STARTED' | 'COMPENSATING' | 'COMPLETED' | 'FAILED';

/** A saga as its history has it. */
export interface SagaState {
  readonly status: SagaStatus;
  readonly sagaType: string;
  readonly input: JsonObject;
  /** In the order in which they began. */
  readonly runs: readonly SagaRun[];
  /** Why it compensates, or failed. */
  readonly reason?: string;
  /** What all of the saga is a part of: from the event that started it. */
  readonly correlationId?: string | undefined;
  /** Id of the event since which it compensates: of its turn, or of its resumption. */
  readonly turnedBy?: string | undefined;
  /** Id of the last event of its history. */
  readonly lastId?: string | undefined;
  /** What could not be undone, while it waits for an operator. */
  readonly parked?: Pick<EventData<'saga.parked'>, 'step' | 'item' | 'reason'> | undefined;
}

export const initialSaga: SagaState = { status: 'NONE', sagaType: '', input: {}, runs: [] };

/** The saga after an event of its history. */
export function evolveSaga(saga: SagaState, event: DomainEvent<SagaEvent> | NewEvent<SagaEvent>): SagaState {
  return { ...evolved(saga, event), lastId: event.id };
}

function evolved(saga: SagaState, event: DomainEvent<SagaEvent> | NewEvent<SagaEvent>): SagaState {
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
      // The end of a party is no answer: one that was on its way may still come.
      const heard = answer && cause === 'answer' ? { heard: true } : {};
      return change(saga, event.data, { state, reason, retryAt, endedBy: id, ...loose, ...heard });
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
    case 'multi-agent-task.completed':
    case 'multi-agent-task.failed':
      return saga;
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

/** Items are answered by name; of two steps with an item of that name, the later one is meant. */
export const runOf = (saga: SagaState, item: string): SagaRun | undefined =>
  saga.runs.findLast((run) => run.item === item);

export const outstanding = (saga: SagaState): readonly SagaRun[] =>
  saga.status === 'STARTED' ? saga.runs.filter(({ state }) => state === 'outstanding') : [];

/**
 * What is to be undone, in this order: what was done, and what was begun and not answered, for an agent may be at it. An
 * item that failed by its own answer has nothing to undo.
 */
export const compensable = (saga: SagaState): readonly SagaRun[] => saga.runs.filter(hasEffect).toReversed();

const hasEffect = ({ state, loose = false }: SagaRun): boolean =>
  state === 'completed' || state === 'outstanding' || (loose && state !== 'compensated');

/** When time alone changes something, ISO 8601. */
export function nextWake(saga: SagaState): string | undefined {
  if (saga.status !== 'STARTED') return undefined;
  const instants = saga.runs.flatMap(({ state, deadline, retryAt }) =>
    state === 'outstanding' ? [deadline] : state === 'waiting' && retryAt !== undefined ? [retryAt] : [],
  );
  return instants.toSorted()[0];
}
