/** An item of a saga whose answer a state machine waits for. */
export interface SagaTask {
  readonly sagaId: string;
  readonly step: string;
  readonly item: string;
  /** Whoever has it can answer for the item: never logged, deleted once used. */
  readonly token: string;
  /** The stream whose end the saga has to hear of while it waits. */
  readonly party?: string | undefined;
  /** When the answer has to be there, ISO 8601. */
  readonly deadline: string;
}

/** The port to where the tokens of outstanding answers lie. All calls are consistent, and throw UnavailableError. */
export interface SagaTasks {
  /** Keeps a task, in the place of an earlier one of the same item. */
  put(task: SagaTask): Promise<void>;
  /** Forgets a task, unless another has taken its place. */
  remove(task: SagaTask): Promise<void>;
  /** The tasks that a saga's machine waits for. */
  ofSaga(sagaId: string): Promise<readonly SagaTask[]>;
  /** The sagas that wait for someone. */
  waitingFor(party: string): Promise<readonly string[]>;
}

/** The answers that a machine waits for at once: those of one step, in groups that fit in a Map state. */
export interface SagaRound {
  /** Empty when there is nothing to wait for. */
  readonly step: string;
  readonly groups: readonly (readonly {
    readonly item: string;
    /** Time left, one second more than the history gives, so that it has run out there when it has here. */
    readonly timeoutSeconds: number;
  }[])[];
}

/** The port to the state machines that run sagas. Every call throws UnavailableError when it cannot be reached. */
export interface SagaMachines {
  /** Starts the machine of a saga with its first round. Starting it twice starts it once; each `turn` is one of its own. */
  start(sagaType: string, sagaId: string, options: { readonly round: SagaRound; readonly turn: number }): Promise<void>;
  /** Lets the machine that waits for a token go on; one that waits no more is no matter. */
  succeed(token: string): Promise<void>;
  fail(token: string, error: 'SagaRetry' | 'SagaCompensating'): Promise<void>;
}
