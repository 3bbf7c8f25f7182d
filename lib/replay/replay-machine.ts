import { type Patience, unlessRefused, whateverFails } from '../shared/lost-answers.ts';

/** A state of the Amazon States Language. */
type State = Readonly<Record<string, unknown>>;

/** The definition of the state machine of replays. */
export interface ReplayMachineDefinition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** Retries after a lost answer, for half an hour in all. */
const whenLost: Patience = {
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxAttempts: 20,
  MaxDelaySeconds: 120,
  JitterStrategy: 'FULL',
};
const givingUp = whateverFails('Note the failure');

/**
 * Defines the state machine of replays: it asks for the next step, does the step, and asks again. Ranges of the log's pages
 * are read side by side, each by a separate invocation. Each step may run twice without harm.
 * @param functionArn ARN of the function that does each step
 * @param concurrency most ranges that are read at once
 */
export function replayMachine(functionArn: string, concurrency: number): ReplayMachineDefinition {
  const ask = (step: string): State => ({
    Type: 'Task',
    Resource: functionArn,
    Parameters: { step, 'replayId.$': '$.replayId' },
    ResultPath: '$.next',
    Retry: unlessRefused(whenLost),
    Catch: givingUp,
    Next: 'Which step?',
  });
  const is = (step: string, Next: string) => ({ Variable: '$.next.step', StringEquals: step, Next });
  return {
    Comment: 'Replays events into a new generation of a projection, beside the live one',
    StartAt: 'What next?',
    States: {
      'What next?': ask('next'),
      'Which step?': {
        Type: 'Choice',
        Choices: [
          is('read', 'Read ranges'),
          is('wait', 'Wait'),
          is('finish', 'Compare and switch'),
          is('remove', 'Remove'),
        ],
        Default: 'Done',
      },
      'Read ranges': readRanges(functionArn, concurrency),
      Wait: { Type: 'Wait', Seconds: 15, Next: 'What next?' },
      'Compare and switch': ask('finish'),
      Remove: ask('remove'),
      'Note the failure': {
        Type: 'Task',
        Resource: functionArn,
        Parameters: { step: 'fail', 'replayId.$': '$.replayId', 'error.$': '$.error' },
        Retry: [{ ErrorEquals: ['States.ALL'], ...whenLost }],
        Next: 'Failed',
      },
      Failed: {
        Type: 'Fail',
        Error: 'ReplayFailed',
        Cause: 'GET /replays/{replayId} says why; resume or discard it there',
      },
      Done: { Type: 'Succeed' },
    },
  };
}

/** The label of the distributed map. The executions of the map are named by the machine's ARN and this label. */
export const RANGES = 'Ranges';

function readRanges(functionArn: string, MaxConcurrency: number): State {
  return {
    Type: 'Map',
    Label: RANGES,
    ItemsPath: '$.next.ranges',
    ItemSelector: { step: 'read', 'replayId.$': '$.replayId', 'range.$': '$$.Map.Item.Value' },
    MaxConcurrency,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      StartAt: 'Read a range',
      States: { 'Read a range': { Type: 'Task', Resource: functionArn, Retry: unlessRefused(whenLost), End: true } },
    },
    ResultPath: null,
    Catch: givingUp,
    Next: 'What next?',
  };
}
