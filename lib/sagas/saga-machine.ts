import { type Patience, refusals, unlessRefused, whateverFails } from '../shared/lost-answers.ts';
import type { SagaOutline } from '../shared/outline.ts';

type Step = SagaOutline['steps'][number];

/** Settings of {@link compileSaga}. */
export interface SagaMachineOptions {
  /** ARN of the function that does the tasks of the machine. */
  readonly taskFunction: string;
  /** Partition of the region, `aws` by default; China and GovCloud have others. */
  readonly partition?: string;
  /** A fixed time for every answer in place of the saga's, for emulators that cannot read the time from the input. */
  readonly timeoutSeconds?: number;
}

/** A state of the Amazon States Language. */
export interface State {
  readonly Type: 'Task' | 'Map' | 'Choice' | 'Succeed' | 'Fail';
  readonly Comment?: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string; readonly [member: string]: unknown }[];
  readonly Catch?: readonly { readonly Next: string; readonly [member: string]: unknown }[];
  readonly ItemProcessor?: { readonly StartAt: string; readonly States: Readonly<Record<string, State>> };
  readonly [member: string]: unknown;
}

/** A definition in the Amazon States Language. */
export interface StateMachineDefinition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

const NEXT = 'What next?';
const WHICH = 'Which step?';
const TURN = 'Turn round';
const UNDO = 'Undo the last';
const LEFT = 'Anything left?';
const PARK = 'Park';
const COMPLETED = 'Completed';
const FAILED = 'Failed, all undone';

/** Retries after a lost answer, for about 40 minutes: the outcome of the work is unknown. */
const whenLost: Patience = {
  IntervalSeconds: 1,
  BackoffRate: 2,
  MaxAttempts: 45,
  MaxDelaySeconds: 120,
  JitterStrategy: 'FULL',
};

/** A compensation that was refused may be accepted a moment later. */
const stubbornly = { ErrorEquals: refusals, ...whenLost, IntervalSeconds: 2, MaxAttempts: 5 };

/**
 * Compiles a saga to the Amazon States Language. Each round waits for the answers of a step, side by side, by their tokens.
 * Then the history of the saga names the next step. Every failure leads to the compensation of the steps that the history
 * has, from the last to the first. The machine carries ids only, so that no payload comes near the limit of 256 KB. The
 * input has the first round, which saves a call.
 */
export function compileSaga(saga: SagaOutline, options: SagaMachineOptions): StateMachineDefinition {
  const [first] = saga.steps;
  if (!first) throw new Error(`saga ${saga.name} has no step`);
  const rounds = saga.steps.map((step) => [step.name, roundState(step, options)] as const);
  return {
    Comment: saga.description,
    StartAt: first.name,
    States: {
      ...Object.fromEntries(rounds),
      [NEXT]: {
        ...call(options, 'round', { ResultSelector: { 'round.$': '$.Payload' }, ResultPath: '$.next' }),
        Catch: whateverFails(TURN),
        Next: WHICH,
      },
      [WHICH]: {
        Type: 'Choice',
        Choices: saga.steps.map(({ name }) => ({ Variable: '$.next.round.step', StringEquals: name, Next: name })),
        Default: COMPLETED,
      },
      [COMPLETED]: { Type: 'Succeed' },
      ...compensation(options),
    },
  };
}

/** Compensates step by step. Each compensation has an id, so that a retry is harmless, and the history has the rest. */
function compensation(options: SagaMachineOptions): Record<string, State> {
  const result = { ResultSelector: { 'more.$': '$.Payload.more' }, ResultPath: '$.undo' };
  const left = { Variable: '$.undo.more', BooleanEquals: true, Next: UNDO };
  return {
    [TURN]: { ...call(options, 'turn', result, ERROR), Next: LEFT },
    [LEFT]: { Type: 'Choice', Choices: [left], Default: FAILED },
    [UNDO]: {
      ...call(options, 'undo', { ...result, Retry: [stubbornly, ...unlessRefused(whenLost)] }),
      Catch: whateverFails(PARK),
      Next: LEFT,
    },
    [FAILED]: { Type: 'Succeed' },
    [PARK]: {
      Comment: 'Something cannot be undone: an operator repairs it and resumes the saga',
      ...call(options, 'park', { ResultPath: null }, ERROR),
      Next: 'Parked',
    },
    Parked: {
      Type: 'Fail',
      Error: 'SagaParked',
      Cause: 'Something cannot be undone; the history of the saga says what',
    },
  };
}

/** A Map in a Map, because a single Map runs at most 40 items at once. */
function roundState(step: Step, options: SagaMachineOptions): State {
  return {
    Type: 'Map',
    Comment: step.title,
    ItemsPath: '$.next.round.groups',
    ItemSelector: { 'sagaId.$': '$.sagaId', 'items.$': '$$.Map.Item.Value' },
    ItemProcessor: inline({
      Group: {
        Type: 'Map',
        ItemsPath: '$.items',
        ItemSelector: {
          'sagaId.$': '$.sagaId',
          'item.$': '$$.Map.Item.Value.item',
          'timeoutSeconds.$': '$$.Map.Item.Value.timeoutSeconds',
        },
        ItemProcessor: inline(waitFor(step, options)),
        ResultPath: null,
        End: true,
      },
    }),
    ResultPath: null,
    Catch: whateverFails(TURN),
    Next: NEXT,
  };
}

/** Waits for an answer. A failure turns the saga to compensation in its history, which ends the other waits of the round. */
function waitFor({ retries }: Step, options: SagaMachineOptions): Record<string, State> {
  const again = {
    ErrorEquals: ['SagaRetry', 'States.Timeout'],
    IntervalSeconds: retries.delaySeconds,
    BackoffRate: 2,
    MaxAttempts: retries.limit,
    MaxDelaySeconds: retries.maxDelaySeconds,
    JitterStrategy: 'FULL',
  };
  const { timeoutSeconds } = options;
  return {
    'Ask, and wait for the answer': {
      ...call(options, 'ask', { ResultPath: null }, { 'item.$': '$.item', 'token.$': '$$.Task.Token' }),
      Resource: `${invokeFunction(options)}.waitForTaskToken`,
      ...(timeoutSeconds === undefined
        ? { TimeoutSecondsPath: '$.timeoutSeconds' }
        : { TimeoutSeconds: timeoutSeconds }),
      Retry: [...(retries.limit > 0 ? [again] : []), ...unlessRefused(whenLost, again.ErrorEquals)],
      Catch: [
        { ErrorEquals: ['SagaCompensating'], ResultPath: '$.error', Next: 'Given up' },
        ...whateverFails('No answer'),
      ],
      End: true,
    },
    'Given up': { Type: 'Succeed' },
    'No answer': { ...call(options, 'turn', { ResultPath: null }, { ...ERROR, 'item.$': '$.item' }), Next: 'Given up' },
  };
}

/** Step Functions' integration with Lambda. */
const invokeFunction = ({ partition = 'aws' }: SagaMachineOptions) => `arn:${partition}:states:::lambda:invoke`;

/** The error that led to a call. */
const ERROR = { 'error.$': '$.error' };

/** Calls the function of sagas; `core/sagas/step-functions/requests.ts` parses the payload. */
function call(options: SagaMachineOptions, task: string, members: object, payload: object = {}): State {
  return {
    Type: 'Task',
    Resource: invokeFunction(options),
    Parameters: { FunctionName: options.taskFunction, Payload: { task, ...payload, 'sagaId.$': '$.sagaId' } },
    Retry: unlessRefused(whenLost),
    ...members,
  };
}

function inline(states: Record<string, State>) {
  const [first = ''] = Object.keys(states);
  return { ProcessorConfig: { Mode: 'INLINE' }, StartAt: first, States: states };
}
