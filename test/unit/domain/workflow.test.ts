import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../core/errors.ts';
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

describe('workflow-status', () => {
  it('runs while its last step names a next one', () => {
    expect(view(workflowStatus, 'w-1', [started])).toMatchObject({ state: 'started', steps: 0 });
    const running = view(workflowStatus, 'w-1', [started, completed('s1', 'approve')]);
    expect(running).toMatchObject({ state: 'running', steps: 1, nextStep: 'approve', lastStepId: 's1' });
    const done = view(workflowStatus, 'w-1', [started, completed('s1', 'approve'), completed('s2')]);
    expect(done).toMatchObject({ state: 'completed', steps: 2 });
    expect(done).not.toHaveProperty('nextStep');
  });
});
