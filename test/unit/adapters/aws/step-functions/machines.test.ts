import { SendTaskSuccessCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { StepFunctionsMachines } from '../../../../../adapters/aws/step-functions/machines.ts';
import { MAX_PAYLOAD_BYTES, statePayload } from '../../../../../adapters/aws/step-functions/payload.ts';
import { PayloadTooLargeError, UnavailableError } from '../../../../../core/base/errors.ts';

/** Step Functions as far as machines see it: keeps what it is sent, and throws what the test says. */
function machines(refusal?: string) {
  const sent: unknown[] = [];
  const client = {
    send: async (command: StartExecutionCommand | SendTaskSuccessCommand) => {
      sent.push(command);
      if (refusal) throw Object.assign(new Error('no'), { name: refusal, $fault: 'client', $metadata: {} });
      return {};
    },
  };
  return { sent, machines: new StepFunctionsMachines(client as unknown as SFNClient, 'arn:aws:states:::saga-') };
}

const round = (items: number) => ({
  step: 'answers',
  groups: [Array.from({ length: items }, (_, n) => ({ item: `${n}`.padEnd(128, 'x'), timeoutSeconds: 60 }))],
});

describe('payloads of Step Functions', () => {
  it('have at most 262,144 bytes, counted in UTF-8', () => {
    const quotes = 2;
    expect(statePayload('x'.repeat(262_144 - quotes))).toHaveLength(MAX_PAYLOAD_BYTES);
    expect(() => statePayload('x'.repeat(262_144 - quotes + 1))).toThrow(PayloadTooLargeError);
    expect(() => statePayload('é'.repeat(131_072))).toThrow(PayloadTooLargeError);
    expect(statePayload(undefined)).toBe('null');
  });

  it('are checked before an execution starts', async () => {
    const { sent, machines: sagas } = machines();
    await sagas.start('task', 'task:1', { round: round(1_000), turn: 0 });
    expect(sent).toHaveLength(1);
    await expect(sagas.start('task', 'task:1', { round: round(2_000), turn: 0 })).rejects.toThrow(PayloadTooLargeError);
    expect(sent).toHaveLength(1);
  });

  it('hold no result: an answer only lets the machine go on', async () => {
    const { sent, machines: sagas } = machines();
    await sagas.succeed('token');
    const [command] = sent;
    expect(command).toBeInstanceOf(SendTaskSuccessCommand);
    expect((command as SendTaskSuccessCommand).input).toEqual({ taskToken: 'token', output: '{}' });
  });
});

describe('an error of Step Functions', () => {
  it.each(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'])(
    '%s means that the machine does not wait any more',
    async (name) => {
      await expect(machines(name).machines.succeed('token')).resolves.toBeUndefined();
      await expect(machines(name).machines.fail('token', 'SagaRetry')).resolves.toBeUndefined();
    },
  );

  it.each([
    ...['AccessDeniedException', 'StateMachineDoesNotExist', 'ExecutionLimitExceeded', 'KmsAccessDeniedException'],
    ...['ThrottlingException', 'ExpiredTokenException', 'UnrecognizedClientException', 'InvalidArn'],
  ])('%s is an outage, for starts and answers', async (name) => {
    const { machines: sagas } = machines(name);
    await expect(sagas.start('task', 'task:1', { round: round(1), turn: 0 })).rejects.toThrow(UnavailableError);
    await expect(sagas.succeed('token')).rejects.toThrow(UnavailableError);
    await expect(sagas.fail('token', 'SagaRetry')).rejects.toThrow(UnavailableError);
  });

  it('ExecutionAlreadyExists makes a second start do nothing', async () => {
    const { sent, machines: sagas } = machines('ExecutionAlreadyExists');
    await sagas.start('task', 'task:1', { round: round(1), turn: 0 });
    expect(sent[0]).toBeInstanceOf(StartExecutionCommand);
  });
});
