import { describe, expect, it } from 'vitest';
import { replayMachine } from '../../lib/replay/replay-machine.ts';
import { synthesize } from './synthesis.ts';

const { replay } = synthesize('dev');
const { StartAt, States } = replayMachine('arn:function', 7);

/** Every state that a state may be followed by. */
const followers = (state: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(state).flatMap(([name, value]) => {
    if (name === 'Next' || name === 'Default') return [String(value)];
    return Array.isArray(value) ? value.flatMap((one) => followers(Object(one))) : [];
  });

describe('the state machine of replays', () => {
  it('has every state that is gone to, and reaches every state that it has', () => {
    const reached = new Set([StartAt, ...Object.values(States).flatMap(followers)]);
    expect(reached).toEqual(new Set(Object.keys(States)));
  });

  it('reads ranges side by side, so many at once', () => {
    expect(States['Read ranges']).toMatchObject({
      Type: 'Map',
      MaxConcurrency: 7,
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED' } },
    });
  });

  it('notes every failure before it fails', () => {
    for (const [name, state] of Object.entries(States)) {
      if (!['Task', 'Map'].includes(String(state['Type'])) || name === 'Note the failure') continue;
      expect(state['Catch'], name).toEqual([
        { ErrorEquals: ['States.DataLimitExceeded'], ResultPath: '$.error', Next: 'Note the failure' },
        { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Note the failure' },
      ]);
    }
  });

  it('is traced, and logs each step but no data', () => {
    replay.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineName: 'annals-dev-replay',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
  });
});
