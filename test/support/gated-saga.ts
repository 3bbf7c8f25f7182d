import * as z from 'zod';
import { approve, signal } from '../../core/sagas/gates.ts';
import { commandOf, defineSaga, type SagaContext } from '../../core/sagas/saga.ts';
import { workflowDecider } from '../../domain/workflow/workflow.ts';

type Plan = { readonly workflowId: string; readonly initiatedBy: string };

/** A saga over workflows: an agent prepares, a person approves, another system says that it is delivered. */
export const gatedSaga = (otherwise: 'fail' | 'approve') =>
  defineSaga({
    name: `gated-${otherwise}`,
    description: 'Prepared, approved, delivered.',
    startedBy: 'workflow.started',
    input: ({ data: { workflowId, initiatedBy } }): Plan => ({ workflowId, initiatedBy }),
    answers: {
      'workflow.step-completed': { item: ({ stepId }) => stepId },
      'workflow.step-failed': { item: ({ stepId }) => stepId, fails: ({ stepId }) => `${stepId} failed` },
    },
    steps: [
      {
        name: 'prepare',
        title: 'an agent prepares',
        kind: 'parallel',
        items: () => ['plan'],
        command: ({ input: { workflowId }, item, attempt, deadline }) => {
          const step = { stepId: item, stepType: item, agentType: 'planner', attempt, deadline };
          return commandOf(workflowDecider, workflowId, { kind: 'assign-step', ...step });
        },
        compensation: ({ input: { workflowId }, item, reason }) =>
          commandOf(workflowDecider, workflowId, { kind: 'compensate-step', stepId: item, reason }),
        deadlineSeconds: () => 40,
        retries: { limit: 1, delaySeconds: 5, maxDelaySeconds: 10 },
      },
      approve({
        name: 'release',
        by: ({ input }: SagaContext<Plan>) => `friends of ${input.initiatedBy}`,
        within: '60s',
        otherwise,
        title: 'release the plan',
        asks: ({ input }: SagaContext<Plan>) => ({ workflow: input.workflowId }),
      }),
      signal('delivered', { within: '90s', schema: z.strictObject({ parcel: z.string() }) }),
    ],
  });
