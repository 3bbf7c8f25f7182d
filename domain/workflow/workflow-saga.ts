import type * as z from 'zod';
import { commandOf, defineSaga, type SagaContext } from '../../core/sagas/saga.ts';
import { DAY_SECONDS, MAX_RETRIES, MAX_STEPS, workflowPlan } from '../../events/workflow-plan.ts';
import { workflowDecider } from './workflow.ts';

type WorkflowInput = { workflowId: string; steps: z.output<typeof workflowPlan> };
type Context = SagaContext<WorkflowInput>;

/**
 * Drives a workflow whose parameters hold a plan, step by step: each is assigned to an agent type, and its completion
 * names the next. When a step fails for good, the completed steps are compensated, the last one first. A workflow
 * without a plan starts no saga.
 */
export const workflowSaga = defineSaga({
  name: 'workflow',
  description: 'Runs steps one after the other. Each step has an agent type; its agent names the next step.',
  startedBy: 'workflow.started',
  input: ({ data: { workflowId, parameters } }): WorkflowInput | undefined => {
    const plan = workflowPlan.safeParse(parameters['plan']);
    return plan.success ? { workflowId, steps: plan.data } : undefined;
  },
  answers: {
    'workflow.step-completed': {
      item: ({ stepId }) => stepId,
      output: ({ nextStep }) => (nextStep === undefined ? undefined : { nextStep }),
    },
    'workflow.step-failed': {
      item: ({ stepId }) => stepId,
      fails: ({ stepId, error }) =>
        `step ${stepId} failed: ${typeof error === 'string' ? error : JSON.stringify(error)}`,
    },
  },
  steps: [
    {
      name: 'step',
      title: 'assign the next step to its agent type, and wait for its answer',
      kind: 'sequence',
      items: nextStep,
      command: ({ input: { workflowId, steps }, item, attempt, deadline }) => {
        const stepType = typeOf(item);
        const agentType = steps.find(({ name }) => name === stepType)?.agentType ?? stepType;
        return commandOf(workflowDecider, workflowId, {
          kind: 'assign-step',
          stepId: item,
          stepType,
          agentType,
          attempt,
          deadline,
        });
      },
      compensation: ({ input: { workflowId }, item, reason }) =>
        commandOf(workflowDecider, workflowId, { kind: 'compensate-step', stepId: item, reason }),
      deadlineSeconds: ({ input }, item) => planned(input, item)?.deadlineSeconds ?? DAY_SECONDS,
      retries: {
        limit: MAX_RETRIES,
        of: ({ input }, item) => planned(input, item)?.retries ?? 0,
        delaySeconds: 5,
        maxDelaySeconds: 300,
      },
    },
  ],
});

const planned = ({ steps }: WorkflowInput, item: string) => steps.find(({ name }) => name === typeOf(item));

/** A repeated step is `<name>:2`, then `<name>:3`. */
const typeOf = (item: string): string => item.replace(/:\d+$/, '');

function nextStep({ input, runs }: Context): readonly string[] | { readonly fails: string } {
  const last = runs.at(-1);
  const next = last ? named(last.output) : input.steps[0]?.name;
  if (next === undefined) return [];
  if (!input.steps.some(({ name }) => name === next))
    return { fails: `step ${last?.item} names ${next} as the next step, which is not in the plan` };
  if (runs.length >= MAX_STEPS) return { fails: `the workflow took ${MAX_STEPS} steps and is not done` };
  const times = runs.filter(({ item }) => typeOf(item) === next).length;
  return [times === 0 ? next : `${next}:${times + 1}`];
}

const named = (output: unknown): string | undefined =>
  typeof output === 'object' && output !== null && 'nextStep' in output ? String(output.nextStep) : undefined;
