import type { NewEvent } from '../events/catalogue.ts';
import type { DecideContext } from '../state/decider.ts';
import type { AnySaga, SagaContext, SagaStep } from './saga.ts';
import { heard } from './signals.ts';
import { compensable, evolveSaga, type SagaState } from './state.ts';

export type SagaEvents = readonly NewEvent[];

/** The start of an attempt at items of a step. */
export function begin(
  declaration: AnySaga,
  saga: SagaState,
  step: string,
  items: readonly string[],
  attempt: number,
  { now, id: sagaId }: DecideContext,
): NewEvent {
  const context = { input: saga.input, runs: saga.runs };
  const seconds = Math.max(...items.map((item) => stepOf(declaration, step).deadlineSeconds(context, item)));
  const deadline = new Date(Date.parse(now) + seconds * 1_000).toISOString();
  return { type: 'saga.step-started', data: { sagaId, step, items: [...items], attempt, deadline } };
}

/** Adds the immediate consequences of events: the next round, the turn to compensation, the end. */
export function withConsequences(
  declaration: AnySaga,
  before: SagaState,
  events: SagaEvents,
  context: DecideContext,
): SagaEvents {
  const saga = events.reduce(evolveSaga, before);
  const next = consequences(declaration, saga, context);
  if (next.length === 0) return events;
  return [...events, ...withConsequences(declaration, saga, next, context)];
}

function consequences(declaration: AnySaga, saga: SagaState, context: DecideContext): SagaEvents {
  const { id: sagaId } = context;
  if (saga.status === 'COMPENSATING' && compensable(saga).length === 0) {
    const reason = saga.reason ?? 'unknown';
    const own = declaration.failed?.({ input: saga.input, runs: saga.runs }, reason);
    return [...(own ? [own] : []), { type: 'saga.failed', data: { sagaId, reason } }];
  }
  if (saga.status !== 'STARTED') return [];
  const fault = saga.runs.find(({ state }) => state === 'failed');
  if (fault) return [compensate(sagaId, fault.reason ?? 'unknown')];
  const completed = heard(declaration, saga, sagaId);
  if (completed.length > 0) return completed;
  if (saga.runs.some(({ state }) => state === 'outstanding' || state === 'waiting')) return [];
  return proceed(declaration, saga, context);
}

/** The next round of the current or the next step, or the end. */
function proceed(declaration: AnySaga, saga: SagaState, context: DecideContext): SagaEvents {
  const view: SagaContext<unknown> = { input: saga.input, runs: saga.runs };
  const last = saga.runs.at(-1)?.step;
  const at = declaration.steps.findIndex(({ name }) => name === last);
  const left = declaration.steps.filter((step, index) => index > at || (index === at && step.kind === 'sequence'));
  for (const step of left) {
    const items = step.items(view);
    if ('fails' in items) return [compensate(context.id, items.fails)];
    if (items.length > 0) return [begin(declaration, saga, step.name, items, 1, context)];
  }
  const own = declaration.completed?.(view);
  return [...(own ? [own] : []), { type: 'saga.completed', data: { sagaId: context.id } }];
}

const compensate = (sagaId: string, reason: string): NewEvent => ({
  type: 'saga.compensating',
  data: { sagaId, reason, cancelled: false },
});

/** @throws Error when the declaration lacks a step of the history: keep steps as long as sagas run */
export function stepOf(declaration: AnySaga, name: string): SagaStep<unknown> {
  const step = declaration.steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`saga ${declaration.name} declares no step ${name}`);
  return step;
}
