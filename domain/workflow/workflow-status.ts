import { defineProjection } from '../../core/projection.ts';
import type { DomainEvent } from '../../events/catalogue.ts';
import type { JsonObject } from '../../events/json.ts';
import { firstSeen, seen, type Times } from '../view.ts';

type WorkflowState = 'started' | 'running' | 'completed';

/** How far a workflow has come. */
export interface WorkflowStatus extends Times {
  readonly workflowId: string;
  readonly workflowType: string;
  /** `running` while its last step names a next one, `completed` when it names none. */
  readonly state: WorkflowState;
  readonly initiatedBy: string;
  readonly parameters: JsonObject;
  readonly steps: number;
  readonly lastStepId?: string;
  readonly lastStepType?: string;
  readonly nextStep?: string;
}

export const workflowStatus = defineProjection({
  name: 'workflow-status',
  aggregateType: 'workflow',
  types: ['workflow.started', 'workflow.step-completed'],
  group: { of: (view: WorkflowStatus) => view.state, values: ['started', 'running', 'completed'] },
  evolve,
});

function evolve(
  view: WorkflowStatus | undefined,
  event: DomainEvent<'workflow.started' | 'workflow.step-completed'>,
): WorkflowStatus {
  const base: WorkflowStatus = view ?? {
    workflowId: event.aggregateId,
    workflowType: 'unknown',
    state: 'started',
    initiatedBy: 'unknown',
    parameters: {},
    steps: 0,
    ...firstSeen(event),
  };
  const { nextStep: _, ...now } = { ...base, ...seen(base, event) };
  switch (event.type) {
    case 'workflow.started': {
      const { workflowType, initiatedBy, parameters } = event.data;
      return { ...now, workflowType, initiatedBy, parameters };
    }
    case 'workflow.step-completed': {
      const { stepId, stepType, nextStep } = event.data;
      return {
        ...now,
        state: nextStep === undefined ? 'completed' : 'running',
        steps: now.steps + 1,
        lastStepId: stepId,
        lastStepType: stepType,
        ...(nextStep === undefined ? {} : { nextStep }),
      };
    }
  }
}
