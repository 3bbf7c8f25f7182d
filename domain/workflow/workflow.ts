import type { DecideContext, Decider } from '../../core/decider.ts';
import { CommandRejectedError, NotFoundError } from '../../core/errors.ts';
import type { DomainEvent, EventData, NewEvent } from '../../events/catalogue.ts';

type WorkflowEvent = 'workflow.started' | 'workflow.step-completed';

/** What deciding needs to know of a workflow. */
export interface Workflow {
  readonly started: boolean;
  readonly completedSteps: ReadonlySet<string>;
}

export type WorkflowCommand =
  | ({ readonly kind: 'start' } & Omit<EventData<'workflow.started'>, 'workflowId'>)
  | ({ readonly kind: 'complete-step' } & Omit<EventData<'workflow.step-completed'>, 'workflowId'>);

/** A workflow is started once, and each of its steps completed at most once. */
export const workflowDecider: Decider<Workflow, WorkflowCommand, WorkflowEvent> = {
  aggregateType: 'workflow',
  initialState: { started: false, completedSteps: new Set() },
  decide,
  evolve,
};

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
  const { kind: _, ...data } = command;
  if (workflow.completedSteps.has(data.stepId)) {
    throw new CommandRejectedError(`step ${data.stepId} of workflow ${workflowId} is completed already`);
  }
  return [{ type: 'workflow.step-completed', data: { workflowId, ...data } }];
}

function evolve(workflow: Workflow, event: DomainEvent<WorkflowEvent>): Workflow {
  switch (event.type) {
    case 'workflow.started':
      return { ...workflow, started: true };
    case 'workflow.step-completed':
      return { ...workflow, completedSteps: new Set([...workflow.completedSteps, event.data.stepId]) };
  }
}
