import type { EventTypesOf } from '../../application/aggregate.ts';
import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import type { JsonObject } from '../../core/events/json.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../../core/projections/times.ts';

type WorkflowState = 'started' | 'running' | 'completed' | 'failed';

/** The progress of a workflow. */
export interface WorkflowStatus extends Times {
  readonly workflowId: string;
  readonly workflowType: string;
  /** `running` while the last step names a next step, `completed` when it names none, `failed` after a compensation. */
  readonly state: WorkflowState;
  readonly initiatedBy: string;
  readonly parameters: JsonObject;
  readonly steps: number;
  readonly lastStepId?: string;
  readonly lastStepType?: string;
  readonly nextStep?: string;
  /** The step that waits for an agent of a type. */
  readonly assigned?: Pick<EventData<'workflow.step-assigned'>, 'stepId' | 'agentType' | 'attempt'>;
  /** The error of the latest failed step. */
  readonly error?: EventData<'workflow.step-failed'>['error'];
}

export const workflowStatus = defineProjection({
  name: 'workflow-status',
  aggregateType: 'workflow',
  types: [
    'workflow.started',
    'workflow.step-assigned',
    'workflow.step-completed',
    'workflow.step-failed',
    'workflow.step-compensated',
  ],
  group: { of: (view: WorkflowStatus) => view.state, values: ['started', 'running', 'completed', 'failed'] },
  evolve,
});

function evolve(view: WorkflowStatus | undefined, event: DomainEvent<EventTypesOf<'workflow'>>): WorkflowStatus {
  const base: WorkflowStatus = view ?? {
    workflowId: event.aggregateId,
    workflowType: 'unknown',
    state: 'started',
    initiatedBy: 'unknown',
    parameters: {},
    steps: 0,
    ...firstSeen(event),
  };
  const current = { ...base, ...seen(base, event) };
  const { nextStep: _, assigned: __, ...now } = current;
  switch (event.type) {
    case 'workflow.started': {
      const { workflowType, initiatedBy, parameters } = event.data;
      return { ...now, workflowType, initiatedBy, parameters };
    }
    case 'workflow.step-assigned': {
      const { stepId, stepType, agentType, attempt } = event.data;
      return { ...now, state: 'running', nextStep: stepType, assigned: { stepId, agentType, attempt } };
    }
    case 'workflow.step-failed':
      return { ...current, error: event.data.error };
    case 'workflow.step-compensated':
      return { ...now, state: 'failed' };
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
