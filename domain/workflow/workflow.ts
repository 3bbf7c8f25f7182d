import { defineAggregate } from '../../application/aggregate.ts';
import { CommandRejectedError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import { withEntry } from '../../core/state/growing-map.ts';
import { type WorkflowCommand, workflowCommands } from './workflow-commands.ts';
import { workflowView } from './workflow-view.ts';

export type WorkflowEvent =
  | 'workflow.started'
  | 'workflow.step-assigned'
  | 'workflow.step-completed'
  | 'workflow.step-failed'
  | 'workflow.step-compensated';

/** The facts that decisions about a workflow need. */
export interface Workflow {
  readonly started: boolean;
  readonly steps: ReadonlyMap<string, Step>;
}

interface Step {
  readonly completed?: true;
  readonly compensated?: true;
  /** The latest attempt, once the step was assigned. */
  readonly attempt?: number;
  /** The latest attempt that failed. */
  readonly failedAttempt?: number;
}

/**
 * A workflow is started once, and each step is completed at most once. The workflow saga assigns steps, attempt by
 * attempt, and compensates each step at most once. A compensated step is not assigned again.
 */
export const workflowDecider = defineAggregate({
  aggregateType: 'workflow',
  initialState: { started: false, steps: new Map() } as Workflow,
  stateVersion: 2,
  commands: workflowCommands,
  decide,
  evolve,
  admits: admitsDecided(decide, commandBehind),
  view: workflowView,
});

/** Only the saga writes assignments and compensations. */
function commandBehind(event: NewEvent<WorkflowEvent>): WorkflowCommand | undefined {
  switch (event.type) {
    case 'workflow.started': {
      const { workflowId: _, ...data } = event.data;
      return { kind: 'start', ...data };
    }
    case 'workflow.step-completed': {
      const { workflowId: _, ...data } = event.data;
      return { kind: 'complete-step', ...data };
    }
    case 'workflow.step-failed': {
      const { workflowId: _, ...data } = event.data;
      return { kind: 'fail-step', ...data };
    }
    case 'workflow.step-assigned':
    case 'workflow.step-compensated':
      return undefined;
  }
}

function decide(
  workflow: Workflow,
  command: WorkflowCommand,
  { id: workflowId }: DecideContext,
): NewEvent<WorkflowEvent>[] {
  if (command.kind === 'start') {
    const { kind: _, ...data } = command;
    if (workflow.started) throw new CommandRejectedError(`workflow ${workflowId} was started already`);
    return [{ type: 'workflow.started', data: { workflowId, ...data } }];
  }
  if (!workflow.started) throw new NotFoundError(`workflow ${workflowId} does not exist`);
  if (command.kind === 'compensate-step') {
    const { kind: _, ...data } = command;
    return workflow.steps.get(data.stepId)?.compensated
      ? []
      : [{ type: 'workflow.step-compensated', data: { workflowId, ...data } }];
  }
  if (workflow.steps.get(command.stepId)?.completed) {
    throw new CommandRejectedError(`step ${command.stepId} of workflow ${workflowId} is completed already`);
  }
  switch (command.kind) {
    case 'assign-step':
      return assignStep(workflow, workflowId, command);
    case 'fail-step':
      return failStep(workflow, workflowId, command);
    case 'complete-step': {
      const { kind: _, ...data } = command;
      return [{ type: 'workflow.step-completed', data: { workflowId, ...data } }];
    }
  }
}

function assignStep(
  { steps }: Workflow,
  workflowId: string,
  { kind: _, ...data }: Extract<WorkflowCommand, { kind: 'assign-step' }>,
): NewEvent<WorkflowEvent>[] {
  const { compensated, attempt = 0 } = steps.get(data.stepId) ?? {};
  if (compensated) {
    throw new CommandRejectedError(`step ${data.stepId} of workflow ${workflowId} was compensated`);
  }
  if (attempt >= data.attempt) return [];
  return [{ type: 'workflow.step-assigned', data: { workflowId, ...data } }];
}

function failStep(
  { steps }: Workflow,
  workflowId: string,
  { kind: _, ...data }: Extract<WorkflowCommand, { kind: 'fail-step' }>,
): NewEvent<WorkflowEvent>[] {
  const { attempt: latest, failedAttempt } = steps.get(data.stepId) ?? {};
  if (latest === undefined) {
    throw new CommandRejectedError(`step ${data.stepId} of workflow ${workflowId} is not assigned`);
  }
  const attempt = data.attempt ?? latest;
  if (attempt !== latest || failedAttempt === latest) {
    throw new CommandRejectedError(`attempt ${attempt} at step ${data.stepId} of workflow ${workflowId} is over`);
  }
  return [{ type: 'workflow.step-failed', data: { workflowId, ...data, attempt } }];
}

function evolve(workflow: Workflow, event: DomainEvent<WorkflowEvent>): Workflow {
  switch (event.type) {
    case 'workflow.started':
      return { ...workflow, started: true };
    case 'workflow.step-assigned':
      return withStep(workflow, event.data.stepId, { attempt: event.data.attempt });
    case 'workflow.step-completed':
      return withStep(workflow, event.data.stepId, { completed: true });
    case 'workflow.step-failed':
      return withStep(workflow, event.data.stepId, { failedAttempt: event.data.attempt ?? 1 });
    case 'workflow.step-compensated':
      return withStep(workflow, event.data.stepId, { compensated: true });
  }
}

function withStep({ steps, ...workflow }: Workflow, stepId: string, change: Step): Workflow {
  return { ...workflow, steps: withEntry(steps, stepId, { ...steps.get(stepId), ...change }) };
}
