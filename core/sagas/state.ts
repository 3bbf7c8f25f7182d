import type { DomainEvent, EventData, NewEvent } from '../../events/catalogue.ts';
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
  /** What could not be undone, while it waits for an operator. */
  readonly parked?: Pick<EventData<'saga.parked'>, 'step' | 'item' | 'reason'> | undefined;
}

export const initialSaga: SagaState = { status: 'NONE', sagaType: '', input: {}, runs: [] };

/** The saga after an event of its history. */
export function evolveSaga(saga: SagaState, event: DomainEvent<SagaEvent> | NewEvent<SagaEvent>): SagaState {
  switch (event.type) {
    case 'saga.started': {
      const { sagaType, input } = event.data;
      return { ...saga, status: 'STARTED', sagaType, input };
    }
    case 'saga.step-started':
      return { ...saga, runs: started(saga.runs, event.data) };
    case 'saga.step-completed': {
      const { answer, output } = event.data;
      return change(saga, event.data, { state: 'completed', answer, ...(output === undefined ? {} : { output }) });
    }
    case 'saga.step-failed': {
      const { reason, retryAt, cause } = event.data;
      const loose = cause === 'deadline' || cause === 'party' ? { loose: true } : {};
      const state = retryAt === undefined ? 'failed' : 'waiting';
      return change(saga, event.data, { state, reason, retryAt, ...loose });
    }
    case 'saga.compensating':
      return { ...saga, status: 'COMPENSATING', reason: event.data.reason };
    case 'saga.step-compensated':
      return change(saga, event.data, { state: 'compensated' });
    case 'saga.parked': {
      const { step, item, reason } = event.data;
      return { ...saga, parked: { step, item, reason } };
    }
    case 'saga.resumed':
      return { ...saga, parked: undefined };
    case 'saga.completed':
      return { ...saga, status: 'COMPLETED' };
    case 'saga.failed':
      return { ...saga, status: 'FAILED' };
    case 'saga.answer-ignored':
    case 'multi-agent-task.completed':
    case 'multi-agent-task.failed':
      return saga;
  }
}

function started(runs: readonly SagaRun[], data: EventData<'saga.step-started'>): readonly SagaRun[] {
  const { step, items, attempt, deadline } = data;
  if (attempt === 1) {
    return [...runs, ...items.map((item): SagaRun => ({ step, item, state: 'outstanding', attempt, deadline }))];
  }
  return runs.map((run) => {
    if (run.step !== step || !items.includes(run.item)) return run;
    return { ...run, state: 'outstanding', attempt, deadline, retryAt: undefined };
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
