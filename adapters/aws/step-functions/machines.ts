import { createHash } from 'node:crypto';
import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import type { SagaMachines, SagaRound } from '../../../core/sagas/tokens.ts';
import { callService, ignoring } from '../clients/service-error.ts';
import { statePayload } from './payload.ts';

/** The state machines of sagas in Step Functions. An execution is named after saga and turn, so a turn runs only once. */
export class StepFunctionsMachines implements SagaMachines {
  readonly #client: SFNClient;
  readonly #arnPrefix: string;

  /** @param arnPrefix the ARN of a machine without the type of its sagas, which follows it */
  constructor(client: SFNClient, arnPrefix: string) {
    this.#client = client;
    this.#arnPrefix = arnPrefix;
  }

  /**
   * Starts a turn of a saga; does nothing when the turn was started before.
   * @throws PayloadTooLargeError when the round is over Step Functions' limit
   */
  async start(sagaType: string, sagaId: string, { round, turn }: { round: SagaRound; turn: number }): Promise<void> {
    const start = new StartExecutionCommand({
      stateMachineArn: `${this.#arnPrefix}${sagaType}`,
      name: executionName(sagaId, turn),
      input: statePayload({ sagaId, next: { round } }),
    });
    await ignoring(
      [ExecutionAlreadyExists],
      callService('Step Functions', () => this.#client.send(start)),
    );
  }

  async succeed(token: string): Promise<void> {
    await this.#answer(new SendTaskSuccessCommand({ taskToken: token, output: '{}' }));
  }

  async fail(token: string, error: string): Promise<void> {
    await this.#answer(new SendTaskFailureCommand({ taskToken: token, error }));
  }

  /** Ignores that the machine has gone on or does not wait any more. Error messages never contain the token. */
  async #answer(command: SendTaskSuccessCommand | SendTaskFailureCommand): Promise<void> {
    const send = () => this.#client.send(command as SendTaskSuccessCommand);
    await ignoring([TaskDoesNotExist, TaskTimedOut, InvalidToken], callService('Step Functions', send));
  }
}

/** The name of an execution: readable, different for each saga and turn, and within Step Functions' 80 characters. */
export function executionName(sagaId: string, turn: number): string {
  const readable = sagaId.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 40);
  const hash = createHash('sha256').update(sagaId).digest('hex').slice(0, 16);
  return turn === 0 ? `${readable}-${hash}` : `${readable}-${hash}-${turn}`;
}
