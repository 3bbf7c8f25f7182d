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
import { reaching } from '../clients/service-error.ts';
import { statePayload } from './payload.ts';

/** The state machines of sagas in Step Functions. The name of an execution follows from its saga, so a saga has one. */
export class StepFunctionsMachines implements SagaMachines {
  readonly #client: SFNClient;
  readonly #arnPrefix: string;

  /** @param arnPrefix of all machines: the ARN of one is this and the type of its sagas */
  constructor(client: SFNClient, arnPrefix: string) {
    this.#client = client;
    this.#arnPrefix = arnPrefix;
  }

  /** @throws PayloadTooLargeError when the round is over Step Functions' limit */
  async start(sagaType: string, sagaId: string, { round, turn }: { round: SagaRound; turn: number }): Promise<void> {
    const start = new StartExecutionCommand({
      stateMachineArn: `${this.#arnPrefix}${sagaType}`,
      name: executionName(sagaId, turn),
      input: statePayload({ sagaId, next: { round } }),
    });
    await ignoring(
      ExecutionAlreadyExists,
      reaching('Step Functions', () => this.#client.send(start)),
    );
  }

  async succeed(token: string): Promise<void> {
    await this.#answer(new SendTaskSuccessCommand({ taskToken: token, output: '{}' }));
  }

  async fail(token: string, error: string): Promise<void> {
    await this.#answer(new SendTaskFailureCommand({ taskToken: token, error }));
  }

  /** A machine that has gone on, or waits no more, has no use for an answer. An error names no token. */
  async #answer(command: SendTaskSuccessCommand | SendTaskFailureCommand): Promise<void> {
    const send = () => this.#client.send(command as SendTaskSuccessCommand);
    await ignoring(TaskDoesNotExist, ignoring(TaskTimedOut, ignoring(InvalidToken, reaching('Step Functions', send))));
  }
}

/** Readable, and different for each saga: names of executions have 80 characters of few kinds. */
export function executionName(sagaId: string, turn: number): string {
  const readable = sagaId.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 40);
  const hash = createHash('sha256').update(sagaId).digest('hex').slice(0, 16);
  return turn === 0 ? `${readable}-${hash}` : `${readable}-${hash}-${turn}`;
}

// biome-ignore lint/suspicious/noExplicitAny: what any error class's constructor takes
async function ignoring(harmless: new (...args: any[]) => Error, call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof harmless) return undefined;
    throw error;
  }
}
