/** The token by which a state machine waits for the answer to an item. */
export interface SagaToken {
  readonly sagaId: string;
  readonly step: string;
  readonly item: string;
  /** The token allows an answer for the item: it is never logged, and deleted after use. */
  readonly token: string;
  /** The streams of the parties: the end of each concerns the waiting saga. */
  readonly parties: readonly string[];
  /** The deadline of the answer, ISO 8601. */
  readonly deadline: string;
}

/** The port to the tokens of outstanding answers. All calls are consistent, and throw UnavailableError. */
export interface SagaTokens {
  /** Stores a token, and replaces an earlier token of the item. */
  put(token: SagaToken): Promise<void>;
  /** Deletes a token, unless another has replaced it. */
  remove(token: SagaToken): Promise<void>;
  /** The token of an item that a state machine waits for. */
  find(sagaId: string, step: string, item: string): Promise<SagaToken | undefined>;
  /** The tokens that a saga's state machine waits for. */
  ofSaga(sagaId: string): Promise<readonly SagaToken[]>;
  /** The sagas that wait for a party. */
  waitingFor(party: string): Promise<readonly string[]>;
}

/** The answers that a state machine waits for at once: the items of one step, in groups that fit in a Map state. */
export interface SagaRound {
  /** Empty without an item to wait for. */
  readonly step: string;
  readonly groups: readonly (readonly {
    readonly item: string;
    /** The time left, one second more than in the history, so that the history's deadline passes first. */
    readonly timeoutSeconds: number;
  }[])[];
}

/** The port to the state machines that run sagas. Every call throws UnavailableError when it cannot be reached. */
export interface SagaMachines {
  /** Starts the state machine of a saga with its first round. A second start with the same `turn` does nothing. */
  start(sagaType: string, sagaId: string, options: { readonly round: SagaRound; readonly turn: number }): Promise<void>;
  /** Continues the state machine that waits for a token; nothing happens when it does not wait any more. */
  succeed(token: string): Promise<void>;
  fail(token: string, error: 'SagaRetry' | 'SagaCompensating'): Promise<void>;
}
