import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { CommandRejectedError, NotFoundError, ValidationError } from '../../../core/base/errors.ts';
import type { NewEvent } from '../../../core/events/catalogue.ts';
import { defineProjection } from '../../../core/projections/projection.ts';
import { commandOf } from '../../../core/sagas/saga.ts';
import { agentDecider } from '../../../domain/agent/agent.ts';
import { leaderboard } from '../../../domain/fleet/leaderboard.ts';
import { multiAgentTask } from '../../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../../domain/task/task.ts';
import { given } from '../../../entry/testing.ts';

/** The message of the assertion that fails. */
function broken(assertion: () => void): string {
  try {
    assertion();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return (error as AssertionError).message;
  }
  throw new Error('the assertion holds');
}

const NOW = '2026-01-05T09:00:00.000Z';
const at = (seconds: number) => new Date(Date.parse(NOW) + seconds * 1_000).toISOString();

describe('given an aggregate', () => {
  const created = {
    type: 'agent.created',
    data: { agentId: '1', agentType: 'coder', configuration: {}, createdBy: 'ops' },
  } as const;
  const running = {
    type: 'agent.state-changed',
    data: { agentId: '1', previousState: 'created', newState: 'running', reason: 'go' },
  } as const;
  const run = { kind: 'change-state', newState: 'running', reason: 'go' } as const;

  it('a command writes events, or nothing', () => {
    given(agentDecider, [created]).when(run).thenEvents([running]);
    given(agentDecider, [created, running]).when(run).thenNothing();
    given(agentDecider, [created, running]).thenState({ state: 'running' });

    const command = given(agentDecider, [created]).when(run);
    const idle = { ...running, data: { ...running.data, newState: 'idle' } } as const;
    expect(broken(() => command.thenEvents([idle]))).toMatch(
      /writes other events[\s\S]*\+ +newState: 'running'[\s\S]*- +newState: 'idle'/,
    );
    expect(broken(() => command.thenEvents([running, running]))).toContain('writes other events');
    expect(broken(() => command.thenNothing())).toContain('agent.state-changed');
    expect(broken(() => given(agentDecider, [created]).thenState({ state: 'idle' }))).toContain('the state differs');
  });

  it('a member of an event besides type and data counts when the expectation names it', () => {
    const decider = { ...agentDecider, decide: () => [{ ...created, id: 'x' }] };
    given(decider, []).when(run).thenEvents([created]);
    given(decider, [])
      .when(run)
      .thenEvents([{ ...created, id: 'x' }]);
    expect(
      broken(() =>
        given(decider, [])
          .when(run)
          .thenEvents([{ ...created, id: 'y' }]),
      ),
    ).toContain("id: 'x'");
  });

  it('a command is rejected, for the expected reason', () => {
    const { agentId: _, ...data } = created.data;
    const again = given(agentDecider, [created]).when({ ...data, kind: 'create' });
    again.thenRejected();
    again.thenRejected(CommandRejectedError, /exists already/);
    expect(broken(() => again.thenRejected(/has gone/))).toMatch(/another reason: .*exists already[\s\S]*\/has gone\//);
    expect(broken(() => again.thenRejected(NotFoundError))).toMatch(/another reason[\s\S]*expected NotFoundError/);
    expect(broken(() => again.thenEvents([created]))).toContain('the command is rejected: agent 1 exists already');
    expect(broken(() => given(agentDecider, [created]).when(run).thenRejected())).toContain(
      'is not rejected, it writes agent.state-changed',
    );
  });

  it('a programming mistake is no rejection', () => {
    const mistaken = {
      ...agentDecider,
      decide: () => {
        throw new TypeError('x is not a function');
      },
    };
    expect(() => given(mistaken, []).when(run).thenRejected()).toThrow(TypeError);
  });

  it('an event without a command is admitted or refused', () => {
    given(agentDecider, [created]).whenAppended(running).thenAdmitted();
    given(agentDecider, [])
      .whenAppended(running)
      .thenRefused(/does not exist/);
    expect(broken(() => given(agentDecider, []).whenAppended(running).thenAdmitted())).toContain('does not exist');
    expect(broken(() => given(agentDecider, [created]).whenAppended(running).thenRefused())).toBe(
      'the event is admitted',
    );
    const anything = { ...agentDecider, admits: undefined as never };
    given(anything, []).whenAppended(running).thenAdmitted();
  });

  it('the schema of a command parses its data, and may refuse it', () => {
    const body = z.strictObject({ reason: z.string().trim().min(1) });
    const decider = {
      ...agentDecider,
      commands: { stop: { body } },
      decide: (_: unknown, { reason }: { kind: 'stop'; reason: string }) => [
        { ...running, data: { ...running.data, reason } },
      ],
    };
    given(decider, []).when({ kind: 'stop', reason: ' go ' }).thenEvents([running]);
    expect(() => given(decider, []).when({ kind: 'stop', reason: ' ' })).toThrow(ValidationError);
  });

  it('the test sets the id and the time', () => {
    const decider = {
      ...agentDecider,
      decide: (_: unknown, __: unknown, { id, now }: { id: string; now: string }) => {
        throw new NotFoundError(`${id} at ${now}`);
      },
    };
    given(decider, [])
      .when(run)
      .thenRejected(/^1 at 2026-01-05T09:00:00.000Z$/);
    given(decider, [], { id: '7', now: at(60) })
      .when(run)
      .thenRejected(/^7 at 2026-01-05T09:01:00.000Z$/);
  });

  it('the stack of a broken expectation begins with the line of the test', () => {
    try {
      given(agentDecider, []).thenState({ state: 'idle' });
    } catch (error) {
      const [first] = (error as Error).stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
      expect(first).toContain('given.test.ts');
      return;
    }
    throw new Error('the assertion holds');
  });
});

describe('given a projection', () => {
  const events: NewEvent[] = [
    { type: 'agent.created', data: { agentId: '1', agentType: 'coder', configuration: {}, createdBy: 'ops' } },
    { type: 'agent.step-recorded', data: { agentId: '1', action: 'ls' }, id: 'mine', timestamp: at(5) },
  ];
  const seen = defineProjection({
    name: 'seen',
    aggregateType: 'agent',
    types: ['agent.created', 'agent.step-recorded'],
    group: { of: ({ group }: { group: string }) => group, values: ['any'] },
    evolve: (view: { group: string; at: string[] } | undefined, event) => ({
      group: 'any',
      at: [...(view?.at ?? []), `${event.aggregateId}/${event.sequenceNumber} ${event.id} ${event.timestamp}`],
    }),
  });

  it('its view is the fold of the events, with ids, numbers and times', () => {
    given(seen, events).thenView({ group: 'any', at: [`1/1 agent-1-1 ${NOW}`, `1/2 mine ${at(5)}`] });
    given(seen, []).thenView(undefined);
    expect(broken(() => given(seen, events).thenView(undefined))).toContain('the view differs');
  });

  it('its view has a known group, and is JSON', () => {
    const lost = { ...seen, group: { of: () => 'lost', values: ['any'] } };
    const expected = { group: 'any', at: [`1/1 agent-1-1 ${NOW}`] };
    expect(broken(() => given(lost, events.slice(0, 1)).thenView(expected))).toBe('lost is no group of the projection');
    const dated = { ...seen, evolve: () => ({ group: 'any', at: [], when: new Date(0) }) };
    const view = { group: 'any', at: [], when: new Date(0) };
    expect(broken(() => given(dated, events).thenView(view))).toContain('the view is not JSON');
  });

  it('shared views are the sums of all streams', () => {
    const done = (taskId: string, agentId: string, duration: number): NewEvent => ({
      type: 'task.completed',
      data: { taskId, agentId, result: null, duration, resources: {} },
    });
    const board = given(leaderboard, {
      'task-1': [done('1', 'a', 5), done('1', 'a', 5)],
      'task-2': [done('2', 'a', 7), done('2', 'b', 1)],
    });
    board.thenView('a', { completed: 2, durationMs: 12 });
    board.thenView('nobody', undefined);
    board.thenViews({ a: { completed: 2, durationMs: 12 }, b: { completed: 1, durationMs: 1 } });
    expect(broken(() => board.thenView('b', { completed: 2, durationMs: 1 }))).toContain('the view b differs');
    expect(broken(() => board.thenViews({ b: { completed: 1, durationMs: 1 } }))).toContain('the views differ');
  });
});

describe('given a saga', () => {
  const requested: NewEvent = {
    type: 'task.requested',
    data: { taskId: '1', requiredAgents: ['a', 'b'], payload: {}, deadlineSeconds: 60 },
  };
  const completed = (agentId: string): NewEvent => ({
    type: 'task.completed',
    data: { taskId: '1', agentId, result: agentId, duration: 1, resources: {} },
  });
  const failed = (agentId: string): NewEvent => ({
    type: 'task.failed',
    data: { taskId: '1', agentId, error: 'no' },
  });
  const assign = (agentId: string) => commandOf(taskDecider, '1', { kind: 'assign', agentId, deadline: at(60) });
  const release = (agentId: string, reason: string) =>
    commandOf(taskDecider, '1', { kind: 'release', agentId, reason });

  it('it sends its commands, waits for the answers, and completes', () => {
    given(multiAgentTask, []).thenNotStarted();
    const begun = given(multiAgentTask, [requested]);
    begun.thenSends([assign('a'), assign('b')]);
    begun.thenWaitsFor(['a', 'b']);
    const first = begun.when(completed('b'));
    first.thenSends([]);
    first.thenWaitsFor(['a']);
    const last = first.when(completed('a'));
    last.thenCompleted();
    last.thenWaitsFor([]);
    last.thenAdds([
      {
        type: 'multi-agent-task.completed',
        data: {
          taskId: '1',
          completedAgents: ['a', 'b'],
          results: [
            { agentId: 'a', answer: { eventId: 'task-1-3', streamId: 'task-1', sequenceNumber: 3 }, result: 'a' },
            { agentId: 'b', answer: { eventId: 'task-1-2', streamId: 'task-1', sequenceNumber: 2 }, result: 'b' },
          ],
        },
      },
    ]);
    expect(broken(() => begun.thenCompleted())).toMatch(/the saga is STARTED: assign\/a is outstanding/);
    expect(broken(() => begun.thenSends([assign('b'), assign('a')]))).toContain('sends other commands');
    expect(broken(() => begun.thenWaitsFor(['a']))).toContain('waits for other items');
    expect(broken(() => last.thenAdds([]))).toContain('adds other events');
    expect(broken(() => begun.thenNotStarted())).toContain('STARTED');
  });

  it('it undoes the items from the last to the first', () => {
    const cancelled = given(multiAgentTask, [requested, completed('a')]).whenCancelled('enough');
    cancelled.thenSends([release('b', 'enough'), release('a', 'enough')]);
    cancelled.thenFailed(/enough/);
    const refused = given(multiAgentTask, [requested]).when(failed('a'));
    refused.thenSends([release('b', 'agent a failed: no')]);
    expect(broken(() => refused.thenFailed(/enough/))).toBe('the saga failed for another reason: agent a failed: no');
    expect(broken(() => refused.thenCompleted())).toContain('the saga is FAILED (agent a failed: no)');
  });

  it('the domain may refuse a command, and a party may end', () => {
    given(multiAgentTask, [requested])
      .whenRefused('a', 'task is closed')
      .thenFailed(/task is closed/);
    expect(broken(() => given(multiAgentTask, [requested]).whenRefused('z'))).toContain('does not wait for z');
    const stopped: NewEvent = {
      type: 'agent.state-changed',
      data: { agentId: 'a', previousState: 'running', newState: 'stopped', reason: 'x' },
    };
    given(multiAgentTask, [requested])
      .whenPartyHas(stopped, { aggregateType: 'agent', id: 'a' })
      .thenFailed(/stopped/);
    given(multiAgentTask, [requested])
      .whenPartyHas(stopped, { aggregateType: 'agent', id: 'z' })
      .thenWaitsFor(['a', 'b']);
  });

  it('the clock is that of the test', () => {
    const begun = given(multiAgentTask, [requested]);
    begun.whenTimePasses(59).thenWaitsFor(['a', 'b']);
    begun.whenTimePasses(60).thenFailed(/a did not answer by 2026-01-05T09:01:00.000Z/);
    begun
      .whenTimePasses(59)
      .when(completed('a'))
      .whenTimePasses(1)
      .thenFailed(/b did not answer/);
  });

  it('a saga without an end of retries is found', () => {
    const endless = {
      ...multiAgentTask,
      steps: multiAgentTask.steps.map((step) => ({
        ...step,
        retries: { limit: Number.POSITIVE_INFINITY, delaySeconds: 1, maxDelaySeconds: 1 },
      })),
    };
    expect(() => given(endless, [requested]).whenTimePasses(10_000_000)).toThrow('has not ended');
  });
});
