import { type Patience, unlessRefused, whateverFails } from '../shared/lost-answers.ts';

/** A state of the Amazon States Language, as far as it is used here. */
type State = Readonly<Record<string, unknown>>;

export interface ReplayMachineDefinition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** No answer, or an outage: asked again, for half an hour in all. */
const whenLost: Patience = {
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxAttempts: 20,
  MaxDelaySeconds: 120,
  JitterStrategy: 'FULL',
};
const givingUp = whateverFails('Note the failure');

/**
 * The state machine of replays: asks what is to be done, does it, and asks again. Ranges of the log's pages are read side
 * by side, so many at once, each by an invocation of its own; everything may be done twice.
 * @param functionArn the function that does each step
 * @param concurrency ranges read at once
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

/** The label of the distributed map; the machine's ARN and it name the executions of the map. */
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
