import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../core/base/errors.ts';
import type { NewEvent } from '../../../core/events/catalogue.ts';
import { agentDecider } from '../../../domain/agent/agent.ts';
import { agentStatus } from '../../../domain/agent/agent-status.ts';
import { specification, view } from '../../support/specification.ts';

const given = specification(agentDecider, '42');
const created = {
  type: 'agent.created',
  data: { agentId: '42', agentType: 'coder', configuration: { model: 'large' }, createdBy: 'ops' },
} as const;
type State = 'created' | 'idle' | 'running' | 'waiting' | 'failed' | 'stopped';
const changed = (previousState: State, newState: State) =>
  ({ type: 'agent.state-changed', data: { agentId: '42', previousState, newState, reason: 'because' } }) as const;
const step = (data: object = {}) =>
  ({ type: 'agent.step-recorded', data: { agentId: '42', action: 'ls', ...data } }) as const;
const create = { kind: 'create', agentType: 'coder', configuration: { model: 'large' }, createdBy: 'ops' } as const;
const change = (newState: State) => ({ kind: 'change-state', newState, reason: 'because' }) as const;
const record = { kind: 'record-step', action: 'ls' } as const;

describe('agent', () => {
  it('is created once', () => {
    given().when(create).thenEvents(created);
    given(created)
      .when(create)
      .thenRejected(CommandRejectedError, /exists already/);
  });

  it('must exist to change state or record a step', () => {
    given()
      .when(change('idle'))
      .thenRejected(NotFoundError, /does not exist/);
    given()
      .when(record)
      .thenRejected(NotFoundError, /does not exist/);
  });

  it('changes state, and records no event when it is already in that state', () => {
    given(created).when(change('running')).thenEvents(changed('created', 'running'));
    given(created, changed('created', 'failed')).when(change('running')).thenEvents(changed('failed', 'running'));
    given(created, changed('created', 'running')).when(change('running')).thenEvents();
  });

  it('says what it waits for and until when, and so may wait for something else', () => {
    const wait = { waitingFor: 'permission for ls', until: '2026-01-05T10:00:00.000Z' };
    const running = [created, changed('created', 'running')] as const;
    const waiting = { ...changed('running', 'waiting'), data: { ...changed('running', 'waiting').data, ...wait } };
    given(...running)
      .when({ ...change('waiting'), ...wait })
      .thenEvents(waiting);
    given(...running, waiting)
      .when({ ...change('waiting'), ...wait })
      .thenEvents();
    given(...running, waiting)
      .when({ ...change('waiting'), waitingFor: 'Ada' })
      .thenEvents({
        ...changed('waiting', 'waiting'),
        data: { ...changed('waiting', 'waiting').data, waitingFor: 'Ada' },
      });
    given(created)
      .when({ ...change('running'), ...wait })
      .thenRejected(CommandRejectedError, /only a waiting agent/);
    expect(view(agentStatus, '42', [...running, waiting])).toMatchObject({ state: 'waiting', ...wait });
    const again = view(agentStatus, '42', [...running, waiting, changed('waiting', 'running')]);
    expect(again).not.toHaveProperty('waitingFor');
    expect(again).not.toHaveProperty('until');
  });

  it('never goes back to created', () => {
    given(created, changed('created', 'idle'))
      .when(change('created'))
      .thenRejected(CommandRejectedError, /created/);
  });

  it('records steps in every state except stopped', () => {
    given(created).when(record).thenEvents(step());
    given(created, changed('created', 'failed')).when(record).thenEvents(step());
    const stopped = given(created, changed('created', 'stopped'));
    stopped.when(record).thenRejected(CommandRejectedError, /takes no steps/);
    stopped.when(change('running')).thenRejected(CommandRejectedError, /which is final/);
    stopped.when(change('stopped')).thenEvents();
  });
});

describe('agent-status', () => {
  it('shows state, counters, sums and times', () => {
    const events: NewEvent[] = [
      { ...created, timestamp: '2026-01-01T00:00:00.000Z' },
      changed('created', 'running'),
      step({ durationMs: 10, usage: { tokens: 3, constructor: 1 } }),
      { ...step({ durationMs: 5.5, usage: { tokens: 4 } }), timestamp: '2026-02-01T00:00:00.000Z' },
    ];
    expect(view(agentStatus, '42', events)).toEqual({
      agentId: '42',
      agentType: 'coder',
      state: 'running',
      reason: 'because',
      createdBy: 'ops',
      configuration: { model: 'large' },
      steps: 2,
      stateChanges: 1,
      durationMs: 15.5,
      usage: { tokens: 7, constructor: 1 },
      lastAction: 'ls',
      lastActionAt: '2026-02-01T00:00:00.000Z',
      stateSince: expect.any(String),
      createdAt: '2026-01-01T00:00:00.000Z',
      lastUpdated: '2026-02-01T00:00:00.000Z',
    });
  });

  it('stays small: it cuts a long action between characters, and adds resources beyond 64 names into one sum', () => {
    const emoji = '🦊'.repeat(150);
    const usage = Array.from({ length: 3 }, (_, n) =>
      step({ action: `x${emoji}`, usage: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`r${n}-${i}`, 1])) }),
    );
    const shown = view(agentStatus, '42', [created, ...usage]) as { lastAction: string; usage: Record<string, number> };
    expect(shown.lastAction).toBe(`x${'🦊'.repeat(99)}`);
    expect(Object.keys(shown.usage)).toHaveLength(65);
    expect(shown.usage['other']).toBe(32);
  });

  it('accepts a stream that does not begin with a creation', () => {
    expect(view(agentStatus, '42', [step()])).toMatchObject({ agentId: '42', agentType: 'unknown', steps: 1 });
  });
});
