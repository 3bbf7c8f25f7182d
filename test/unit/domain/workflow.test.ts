import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../core/base/errors.ts';
import { workflowDecider } from '../../../domain/workflow/workflow.ts';
import { workflowStatus } from '../../../domain/workflow/workflow-status.ts';
import { specification, view } from '../../support/specification.ts';

const given = specification(workflowDecider, 'w-1');
const facts = { workflowType: 'permit', initiatedBy: 'desk', parameters: { channel: 'web' } };
const started = { type: 'workflow.started', data: { workflowId: 'w-1', ...facts } } as const;
const completed = (stepId: string, nextStep?: string) =>
  ({
    type: 'workflow.step-completed',
    data: { workflowId: 'w-1', stepId, stepType: 'check', output: null, ...(nextStep ? { nextStep } : {}) },
  }) as const;
const complete = (stepId: string) => ({ kind: 'complete-step', stepId, stepType: 'check', output: null }) as const;

describe('workflow', () => {
  it('is started once', () => {
    given()
      .when({ kind: 'start', ...facts })
      .thenEvents(started);
    given(started)
      .when({ kind: 'start', ...facts })
      .thenRejected(CommandRejectedError, /already/);
  });

  it('completes each step once', () => {
    given()
      .when(complete('s1'))
      .thenRejected(NotFoundError, /does not exist/);
    given(started).when(complete('s1')).thenEvents(completed('s1'));
    given(started, completed('s1')).when(complete('s2')).thenEvents(completed('s2'));
    given(started, completed('s1'))
      .when(complete('s1'))
      .thenRejected(CommandRejectedError, /s1 .* already/);
  });
});

describe('a step that the saga assigns', () => {
  const assignment = { stepId: 's1', stepType: 's1', agentType: 'clerk', deadline: '2026-01-05T09:01:00.000Z' };
  const assign = (attempt: number) => ({ kind: 'assign-step', ...assignment, attempt }) as const;
  const assigned = (attempt: number) =>
    ({ type: 'workflow.step-assigned', data: { workflowId: 'w-1', ...assignment, attempt } }) as const;
  const fail = (attempt?: number) =>
    ({ kind: 'fail-step', stepId: 's1', error: 'no', ...(attempt ? { attempt } : {}) }) as const;
  const failed = (attempt: number) =>
    ({ type: 'workflow.step-failed', data: { workflowId: 'w-1', stepId: 's1', error: 'no', attempt } }) as const;
  const compensate = { kind: 'compensate-step', stepId: 's1', reason: 'no' } as const;
  const compensated = {
    type: 'workflow.step-compensated',
    data: { workflowId: 'w-1', stepId: 's1', reason: 'no' },
  } as const;

  it('is assigned once in each attempt', () => {
    given(started).when(assign(1)).thenEvents(assigned(1));
    given(started, assigned(1)).when(assign(1)).thenEvents();
    given(started, assigned(1), failed(1)).when(assign(2)).thenEvents(assigned(2));
    given(started, completed('s1'))
      .when(assign(1))
      .thenRejected(CommandRejectedError, /completed already/);
  });

  it('fails once in each attempt, and only in the current attempt', () => {
    given(started)
      .when(fail())
      .thenRejected(CommandRejectedError, /not assigned/);
    given(started, assigned(1)).when(fail()).thenEvents(failed(1));
    given(started, assigned(1), failed(1))
      .when(fail())
      .thenRejected(CommandRejectedError, /is over/);
    given(started, assigned(1), assigned(2))
      .when(fail(1))
      .thenRejected(CommandRejectedError, /attempt 1 .* is over/);
    given(started, assigned(1), assigned(2)).when(fail(2)).thenEvents(failed(2));
  });

  it('is compensated once, completed or not, and not assigned after its compensation', () => {
    given(started, assigned(1), completed('s1')).when(compensate).thenEvents(compensated);
    given(started).when(compensate).thenEvents(compensated);
    given(started, compensated).when(compensate).thenEvents();
    given(started, compensated)
      .when(assign(1))
      .thenRejected(CommandRejectedError, /was compensated/);
  });

  it('is shown in the view', () => {
    expect(view(workflowStatus, 'w-1', [started, assigned(1)])).toMatchObject({
      state: 'running',
      assigned: { stepId: 's1', agentType: 'clerk', attempt: 1 },
    });
    expect(view(workflowStatus, 'w-1', [started, assigned(1), completed('s1', 's2')])).not.toHaveProperty('assigned');
    expect(view(workflowStatus, 'w-1', [started, assigned(1), failed(1), compensated])).toMatchObject({
      state: 'failed',
      error: 'no',
    });
  });
});

describe('workflow-status', () => {
  it('is running while its last step names a next step', () => {
    expect(view(workflowStatus, 'w-1', [started])).toMatchObject({ state: 'started', steps: 0 });
    const running = view(workflowStatus, 'w-1', [started, completed('s1', 'approve')]);
    expect(running).toMatchObject({ state: 'running', steps: 1, nextStep: 'approve', lastStepId: 's1' });
    const done = view(workflowStatus, 'w-1', [started, completed('s1', 'approve'), completed('s2')]);
    expect(done).toMatchObject({ state: 'completed', steps: 2 });
    expect(done).not.toHaveProperty('nextStep');
  });
});
