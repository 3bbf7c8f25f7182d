import { createHash } from 'node:crypto';
import { CommandRejectedError, NotFoundError } from '../base/errors.ts';
import type { DomainEvent, EventData, EventType, NewEvent } from '../events/catalogue.ts';
import type { Json } from '../events/json.ts';
import type { DecideContext, Decider } from '../state/decider.ts';
import { begin, type SagaEvents, stepOf, withConsequences } from './consequences.ts';
import { type AnySaga, contextOf } from './saga.ts';
import { type Signal, signalled } from './signals.ts';
import {
  type AnswerRef,
  compensable,
  evolveSaga,
  initialSaga,
  outstanding,
  runOf,
  type SagaRun,
  type SagaState,
} from './state.ts';

type StepFailure = Pick<EventData<'saga.step-failed'>, 'cause' | 'reason'> & { readonly answer?: AnswerRef };

/** The inputs of a saga. Each may come twice, late, or never. */
export type SagaInput =
  | { readonly kind: 'start'; readonly event: DomainEvent }
  | { readonly kind: 'complete'; readonly item: string; readonly answer: AnswerRef; readonly output?: Json }
  | { readonly kind: 'fail'; readonly item: string; readonly answer: AnswerRef; readonly reason: string }
  /** The event that ended the party of the item. */
  | { readonly kind: 'lose'; readonly item: string; readonly answer: AnswerRef; readonly reason: string }
  /** The domain refused the item's command. */
  | { readonly kind: 'refuse'; readonly step: string; readonly item: string; readonly reason: string }
  /** A timer fired. */
  | { readonly kind: 'tick' }
  /** The pause before the next attempt is over, by the host's timer. */
  | { readonly kind: 'retry'; readonly item: string }
  /** `cause` is the id of the causing event; absent for a user's request. */
  | { readonly kind: 'cancel'; readonly reason: string; readonly cause?: string | undefined }
  | ({ readonly kind: 'signal' } & Signal)
  | { readonly kind: 'undone'; readonly step: string; readonly item: string }
  | { readonly kind: 'park'; readonly step: string; readonly item: string; readonly reason: string }
  | { readonly kind: 'resume' };

/** Raise it with each change of a saga's state. */
export const SAGA_STATE_VERSION = 3;

/** Most attempts that one tick ends: they and their consequences have to fit in a commit. */
const MAX_EXPIRED = 50;

/**
 * A saga as a decider over its own history. The state gives the due commands: those of the outstanding items while
 * `STARTED`, the first of {@link compensable} while `COMPENSATING`. The first append decides a race, so a saga never
 * both completes and compensates.
 */
export function sagaDecider(declaration: AnySaga): Decider<SagaState, SagaInput, EventType> {
  return {
    aggregateType: 'saga',
    stateVersion: SAGA_STATE_VERSION,
    initialState: initialSaga,
    evolve: evolveSaga,
    decide(saga, input, context) {
      const events = react(declaration, saga, input, context);
      return events.length === 0 ? [] : withConsequences(declaration, saga, events, context);
    },
  };
}

function react(
  declaration: AnySaga,
  saga: SagaState,
  input: SagaInput,
  { now, id: sagaId }: DecideContext,
): SagaEvents {
  if (input.kind === 'start') return saga.status === 'NONE' ? start(declaration, input.event, sagaId) : [];
  if (saga.status === 'NONE') throw new NotFoundError(`there is no saga ${sagaId}`);
  switch (input.kind) {
    case 'complete':
    case 'fail':
      return answer(declaration, saga, input, { now, id: sagaId });
    case 'lose': {
      const run = runOf(saga, input.item);
      if (saga.status !== 'STARTED' || (run?.state !== 'outstanding' && run?.state !== 'waiting')) return [];
      return [failed(declaration, saga, run, { ...input, cause: 'party' }, { now, id: sagaId })];
    }
    case 'refuse': {
      const run = outstanding(saga).find(({ step, item }) => step === input.step && item === input.item);
      return run
        ? [failed(declaration, saga, run, { cause: 'refused', reason: input.reason }, { now, id: sagaId })]
        : [];
    }
    case 'tick':
      return tick(declaration, saga, { now, id: sagaId });
    case 'retry':
      return again(declaration, saga, ({ item }) => item === input.item, { now, id: sagaId });
    case 'cancel':
      return cancel(saga, input.reason, sagaId);
    case 'signal':
      return signalled(declaration, saga, input, sagaId);
    case 'undone':
    case 'park':
      return undoing(saga, input, sagaId);
    case 'resume':
      if (!saga.parked) throw new CommandRejectedError(`saga ${sagaId} is not parked`);
      return [{ type: 'saga.resumed', data: { sagaId } }];
  }
}

function start(declaration: AnySaga, event: DomainEvent, sagaId: string): SagaEvents {
  const input = declaration.input(event);
  if (input === undefined) return [];
  const { aggregateType, aggregateId, sequenceNumber, id: eventId } = event;
  const startedBy = { eventId, streamId: `${aggregateType}-${aggregateId}`, sequenceNumber };
  return [{ type: 'saga.started', data: { sagaId, sagaType: declaration.name, startedBy, input } }];
}

function answer(
  declaration: AnySaga,
  saga: SagaState,
  input: Extract<SagaInput, { kind: 'complete' | 'fail' }>,
  context: DecideContext,
): SagaEvents {
  const run = runOf(saga, input.item);
  // An answer between two attempts counts for the next attempt.
  const awaited = saga.status === 'STARTED' && (run?.state === 'outstanding' || run?.state === 'waiting');
  const { item, answer } = input;
  const { id: sagaId } = context;
  if (!run || !awaited || (run.state === 'waiting' && input.kind === 'fail')) {
    // A late answer is recorded once. A repeated or unexpected answer is not recorded.
    return run && !run.heard ? [{ type: 'saga.answer-ignored', data: { sagaId, item, answer } }] : [];
  }
  if (input.kind === 'fail')
    return [failed(declaration, saga, run, { cause: 'answer', reason: input.reason, answer }, context)];
  const output = input.output === undefined ? {} : { output: input.output };
  return [{ type: 'saga.step-completed', data: { sagaId, step: run.step, item, answer, ...output } }];
}

function tick(declaration: AnySaga, saga: SagaState, context: DecideContext): SagaEvents {
  const retries = again(declaration, saga, ({ retryAt = '' }) => retryAt <= context.now, context);
  const expired = outstanding(saga)
    .filter((run) => run.deadline <= context.now && !overdueOf(declaration, saga, run, context.id))
    .map((run) => failed(declaration, saga, run, { cause: 'deadline', reason: late(run) }, context));
  return [...retries, ...expired].slice(0, MAX_EXPIRED);
}

/** The command that ends an item after its deadline, in place of a failure. */
export const overdueOf = (declaration: AnySaga, saga: SagaState, run: SagaRun, sagaId: string) =>
  stepOf(declaration, run.step).overdue?.(contextOf(sagaId, saga, run));

/** The next attempt at the given waiting items. */
function again(
  declaration: AnySaga,
  saga: SagaState,
  wanted: (run: SagaRun) => boolean,
  context: DecideContext,
): SagaEvents {
  if (saga.status !== 'STARTED') return [];
  return saga.runs
    .filter((run) => run.state === 'waiting' && wanted(run))
    .map(({ step, item, attempt }) => begin(declaration, saga, step, [item], attempt + 1, context));
}

const late = ({ item, deadline }: SagaRun) => `${item} did not answer by ${deadline}`;

function cancel(saga: SagaState, reason: string, sagaId: string): SagaEvents {
  if (saga.status === 'COMPLETED') throw new CommandRejectedError(`saga ${sagaId} has completed`);
  if (saga.status !== 'STARTED') return [];
  return [{ type: 'saga.compensating', data: { sagaId, reason, cancelled: true } }];
}

function undoing(saga: SagaState, input: Extract<SagaInput, { kind: 'undone' | 'park' }>, sagaId: string): SagaEvents {
  const [next] = saga.status === 'COMPENSATING' ? compensable(saga) : [];
  const { step, item } = input;
  if (next?.step !== step || next.item !== item) return [];
  if (input.kind === 'undone') return [{ type: 'saga.step-compensated', data: { sagaId, step, item } }];
  if (saga.parked) return [];
  return [{ type: 'saga.parked', data: { sagaId, step, item, reason: input.reason } }];
}

/** The end of an attempt, and the time of the next attempt, if any. */
function failed(
  declaration: AnySaga,
  saga: SagaState,
  run: SagaRun,
  failure: StepFailure,
  { now, id: sagaId }: DecideContext,
): NewEvent {
  const { step, item, attempt } = run;
  const { retries } = stepOf(declaration, step);
  const limit = retries.of?.({ input: saga.input, runs: saga.runs }, item) ?? retries.limit;
  const again = (failure.cause === 'answer' || failure.cause === 'deadline') && attempt <= limit;
  const pause = Math.min(retries.maxDelaySeconds, retries.delaySeconds * 2 ** (attempt - 1));
  const retryAt = new Date(Date.parse(now) + pause * 1_000 * (0.5 + 0.5 * jitter(sagaId, run))).toISOString();
  const { cause, answer } = failure;
  const reason = failure.reason.slice(0, 1_024).toWellFormed() || 'no reason given';
  const data = { sagaId, step, item, attempt, cause, reason, ...(answer ? { answer } : {}) };
  return { type: 'saga.step-failed', data: again ? { ...data, retryAt } : data };
}

/** A number from 0 to 1 that follows from the place: deciding stays pure, and the retries of sagas spread out. */
function jitter(sagaId: string, { step, item, attempt }: SagaRun): number {
  const hash = createHash('sha256').update(`${sagaId}/${step}/${item}/${attempt}`).digest();
  return hash.readUInt32BE(0) / 0xffffffff;
}
