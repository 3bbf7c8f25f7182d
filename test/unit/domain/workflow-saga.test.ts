import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { type SagaInput, sagaDecider } from '../../../core/sagas/decider.ts';
import { commandIdOf } from '../../../core/sagas/saga.ts';
import { compensable, evolveSaga, initialSaga, type SagaState } from '../../../core/sagas/state.ts';
import { workflowSaga } from '../../../domain/workflow/workflow-saga.ts';
import { recorded } from '../../support/specification.ts';

const id = 'workflow:w-1';
const decider = sagaDecider(workflowSaga);
const plan = [
  { name: 'plan', agentType: 'planner' },
  { name: 'code', agentType: 'coder', retries: 1, deadlineSeconds: 60 },
  { name: 'review', agentType: 'reviewer' },
];

/** Plays inputs, each at its time. @returns the state and the types of the events */
function play(...inputs: (SagaInput & { readonly now?: string })[]) {
  let state: SagaState = initialSaga;
  const types: string[] = [];
  for (const { now = '2026-01-05T09:00:00.000Z', ...input } of inputs) {
    const events = decider.decide(state, input as SagaInput, { now, id });
    state = events.reduce(evolveSaga, state);
    types.push(...events.map(({ type }) => type));
  }
  return { state, types };
}

const begin = (parameters: object): SagaInput => {
  const data = { workflowId: 'w-1', workflowType: 'change', initiatedBy: 'me', parameters } as never;
  const [event] = recorded('workflow', 'w-1', [{ type: 'workflow.started', data }]) as [DomainEvent];
  return { kind: 'start', event };
};
const answer = { eventId: 'x', streamId: 'workflow-w-1', sequenceNumber: 2 };
const completes = (item: string, nextStep?: string): SagaInput => ({
  kind: 'complete',
  item,
  answer,
  output: nextStep === undefined ? {} : { nextStep },
});
const fails = (item: string): SagaInput => ({ kind: 'fail', item, answer, reason: 'it does not build' });

describe('the workflow saga', () => {
  it('ignores a workflow without a plan', () => {
    expect(play(begin({ channel: 'Internet' })).types).toEqual([]);
    expect(play(begin({ plan: [] })).types).toEqual([]);
  });

  it('follows the next step of each answer, also backwards, and completes when an answer names none', () => {
    const { state } = play(
      begin({ plan }),
      completes('plan', 'code'),
      completes('code', 'review'),
      completes('review', 'code'),
      completes('code:2', 'review'),
      completes('review:2'),
    );
    expect(state.status).toBe('COMPLETED');
    expect(state.runs.map(({ item }) => item)).toEqual(['plan', 'code', 'review', 'code:2', 'review:2']);
  });

  it('assigns each step to the agent type of the plan', () => {
    const { state } = play(begin({ plan }), completes('plan', 'code'));
    const [step] = workflowSaga.steps;
    const run = state.runs[1];
    if (!step || !run) throw new Error('no second step');
    const input = {
      workflowId: 'w-1',
      steps: plan.map((planned) => ({ deadlineSeconds: 60, retries: 0, ...planned })),
    };
    expect(step.command({ ...run, sagaId: 'workflow:w-1', input, runs: state.runs })).toMatchObject({
      id: 'w-1',
      command: { kind: 'assign-step', stepId: 'code', stepType: 'code', agentType: 'coder', attempt: 1 },
    });
  });

  it('compensates when an answer names a step that is not in the plan', () => {
    const { state } = play(begin({ plan }), completes('plan', 'deploy'));
    expect(state).toMatchObject({ status: 'COMPENSATING', reason: expect.stringMatching(/deploy/) });
    expect(compensable(state).map(({ item }) => item)).toEqual(['plan']);
  });

  it('retries a step after a pause, up to the number of retries in the plan', () => {
    const again = play(begin({ plan }), completes('plan', 'code'), fails('code'));
    expect(again.state.runs[1]).toMatchObject({ state: 'waiting', attempt: 1 });
    const pause = Date.parse(again.state.runs[1]?.retryAt ?? '') - Date.parse('2026-01-05T09:00:00.000Z');
    expect(pause).toBeGreaterThanOrEqual(2_500);
    expect(pause).toBeLessThanOrEqual(5_000);
    const due = { kind: 'tick', now: '2026-01-05T09:00:05.000Z' } as const;
    const second = play(begin({ plan }), completes('plan', 'code'), fails('code'), due);
    expect(second.state.runs[1]).toMatchObject({ state: 'outstanding', attempt: 2 });
    const over = play(begin({ plan }), completes('plan', 'code'), fails('code'), due, fails('code'));
    expect(over.state).toMatchObject({ status: 'COMPENSATING', reason: 'it does not build' });
    expect(compensable(over.state).map(({ item }) => item)).toEqual(['plan']);
  });

  it('accepts an answer between two attempts', () => {
    const { state } = play(begin({ plan }), completes('plan', 'code'), fails('code'), completes('code'));
    expect(state.status).toBe('COMPLETED');
  });

  it('compensates a circle of steps after 100 steps', () => {
    const circle = Array.from({ length: 100 }, (_, n) => completes(n === 0 ? 'plan' : `plan:${n + 1}`, 'plan'));
    expect(play(begin({ plan }), ...circle).state).toMatchObject({
      status: 'COMPENSATING',
      reason: expect.stringMatching(/100 steps/),
    });
  });

  it('derives the ids of commands from saga, step, item and attempt', () => {
    const run = { step: 'step', item: 'code', state: 'outstanding', attempt: 1, deadline: '' } as const;
    const ids = [run, { ...run, attempt: 2 }, { ...run, item: 'plan' }].map((each) => commandIdOf(id, each, 'do'));
    expect(new Set([...ids, commandIdOf(id, run, 'undo'), commandIdOf('workflow:w-2', run, 'do')]).size).toBe(5);
    expect(commandIdOf(id, { ...run, attempt: 2 }, 'undo')).toBe(commandIdOf(id, run, 'undo'));
  });
});
