import type * as z from 'zod';
import { approvalIdOf } from '../../core/sagas/approvals.ts';
import { approvalParts } from '../../core/sagas/gates.ts';
import { commandOf, defineSaga, type SagaContext } from '../../core/sagas/saga.ts';
import { APPROVAL, DAY_SECONDS, MAX_RETRIES, MAX_STEPS, workflowPlan } from '../../events/workflow-plan.ts';
import { workflowDecider } from './workflow.ts';

type WorkflowInput = { workflowId: string; steps: z.output<typeof workflowPlan> };
type Context = SagaContext<WorkflowInput>;

/**
 * Drives a workflow whose parameters hold a plan, step by step: each is assigned to an agent type, and its completion
 * names the next. When a step fails for good, the completed steps are compensated, the last one first. A workflow
 * without a plan starts no saga. A step with an approval is assigned after a person has approved.
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
      approval: (sagaId, item) => (isApproval(item) ? approvalIdOf(sagaId, item) : undefined),
      overdue: (context) => (isApproval(context.item) ? approval.overdue(context) : undefined),
      command: (context) => {
        if (isApproval(context.item)) return approval.command(context);
        const { item, attempt, deadline, input } = context;
        const { workflowId, steps } = input;
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
      compensation: (context) => {
        if (isApproval(context.item)) return approval.compensation(context);
        const { input, item, reason } = context;
        return commandOf(workflowDecider, input.workflowId, { kind: 'compensate-step', stepId: item, reason });
      },
      deadlineSeconds: ({ input }, item) => termsOf(input, item)?.deadlineSeconds ?? DAY_SECONDS,
      retries: {
        limit: MAX_RETRIES,
        of: ({ input }, item) => (isApproval(item) ? 0 : (planned(input, item)?.retries ?? 0)),
        delaySeconds: 5,
        maxDelaySeconds: 300,
      },
    },
  ],
});

const isApproval = (item: string): boolean => item.endsWith(APPROVAL);

/** The item whose approval this is, or the item itself. */
const approved = (item: string): string => (isApproval(item) ? item.slice(0, -APPROVAL.length) : item);

/** The step of an item, or the approval that the item is. */
const termsOf = (input: WorkflowInput, item: string) => {
  const step = planned(input, approved(item));
  return isApproval(item) ? step?.approval : step;
};

const approval = approvalParts<WorkflowInput>(({ input, item }) => {
  const step = approved(item);
  const { by = 'nobody', otherwise } = planned(input, step)?.approval ?? {};
  const { workflowId } = input;
  return { by, otherwise, title: `begin step ${step} of workflow ${workflowId}`, asks: { workflowId, step } };
});

const planned = ({ steps }: WorkflowInput, item: string) => steps.find(({ name }) => name === typeOf(item));

/** A repeated step is `<name>:2`, then `<name>:3`. */
const typeOf = (item: string): string => item.replace(/:\d+$/, '');

function nextStep({ input, runs }: Context): readonly string[] | { readonly fails: string } {
  const last = runs.at(-1);
  if (last && isApproval(last.item)) return [approved(last.item)];
  const next = last ? named(last.output) : input.steps[0]?.name;
  if (next === undefined) return [];
  if (!input.steps.some(({ name }) => name === next))
    return { fails: `step ${last?.item} names ${next} as the next step, which is not in the plan` };
  if (runs.filter(({ item }) => !isApproval(item)).length >= MAX_STEPS)
    return { fails: `the workflow took ${MAX_STEPS} steps and is not done` };
  const times = runs.filter(({ item }) => typeOf(item) === next).length;
  const item = times === 0 ? next : `${next}:${times + 1}`;
  return [planned(input, item)?.approval ? `${item}${APPROVAL}` : item];
}

const named = (output: unknown): string | undefined =>
  typeof output === 'object' && output !== null && 'nextStep' in output ? String(output.nextStep) : undefined;
