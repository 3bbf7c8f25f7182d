import { type Patience, refusals, unlessRefused, whateverFails } from '../shared/lost-answers.ts';

/** A saga's declaration, as far as a state machine needs to know it. */
export interface SagaOutline {
  readonly name: string;
  readonly description: string;
  readonly startedBy: string;
  readonly answers: Readonly<Record<string, unknown>>;
  readonly steps: readonly SagaStepOutline[];
}

interface SagaStepOutline {
  readonly name: string;
  readonly title: string;
  readonly retries: { readonly limit: number; readonly delaySeconds: number; readonly maxDelaySeconds: number };
  readonly party?: { readonly endedBy: readonly string[] };
}

export interface SagaMachineOptions {
  /** ARN of the function that does what the machine asks for. */
  readonly taskFunction: string;
  /** Of the region, `aws` by default: China and GovCloud have others. */
  readonly partition?: string;
  /** Time for every answer, instead of what each saga has; for emulators that cannot read it from the input. */
  readonly timeoutSeconds?: number;
}

/** A state of the Amazon States Language, as far as it is used. */
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

/** No answer, or an outage: asked again for about 40 minutes, since nothing is known of the work itself. */
const whenLost: Patience = {
  IntervalSeconds: 1,
  BackoffRate: 2,
  MaxAttempts: 45,
  MaxDelaySeconds: 120,
  JitterStrategy: 'FULL',
};

/** A compensation that is refused may be taken a moment later. */
const stubbornly = { ErrorEquals: refusals, ...whenLost, IntervalSeconds: 2, MaxAttempts: 5 };

/**
 * Compiles a saga to the Amazon States Language. Each round waits for the answers of one step, side by side, by their
 * tokens; then the history says which step is next. Whatever fails leads to the compensation of what the history says
 * was done, last first. The machine carries ids only: everything else lies in the history, so that no payload comes near
 * the limit of 256 KB. The first round is in the input, which saves a call.
 */
export function compileSaga(saga: SagaOutline, options: SagaMachineOptions): StateMachineDefinition {
  const [first] = saga.steps;
  if (!first) throw new Error(`saga ${saga.name} has no step`);
  const rounds = saga.steps.map((step) => [step.name, roundOf(step, options)] as const);
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

/** One after the other, each under an id of its own: trying again is harmless, and the history knows what is left. */
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

/** A Map in a Map, for one runs no more than 40 items at once. */
function roundOf(step: SagaStepOutline, options: SagaMachineOptions): State {
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

/** Fails for itself what cannot go on: the history turns the saga round, and lets go of all who wait beside it. */
function waitFor({ retries }: SagaStepOutline, options: SagaMachineOptions): Record<string, State> {
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
    'No answer': { ...call(options, 'turn', { ResultPath: null }, ERROR), Next: 'Given up' },
  };
}

/** Step Functions' integration with Lambda. */
const invokeFunction = ({ partition = 'aws' }: SagaMachineOptions) => `arn:${partition}:states:::lambda:invoke`;

/** The error that led to a call. */
const ERROR = { 'error.$': '$.error' };

/** Calls the function that knows the saga: `core/sagas/step-functions/requests.ts` takes the payload. */
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
