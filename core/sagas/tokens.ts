/** The token by which a state machine waits for the answer to an item. (A Task of Step Functions, not one of the domain.) */
export interface SagaToken {
  readonly sagaId: string;
  readonly step: string;
  readonly item: string;
  /** Whoever has it can answer for the item: never logged, deleted once used. */
  readonly token: string;
  /** The stream whose end concerns the saga while it waits. */
  readonly party?: string | undefined;
  /** When the answer has to be there, ISO 8601. */
  readonly deadline: string;
}

/** The port to the tokens of outstanding answers. All calls are consistent, and throw UnavailableError. */
export interface SagaTokens {
  /** Keeps a token, in the place of an earlier token of the same item. */
  put(token: SagaToken): Promise<void>;
  /** Forgets a token, unless another has taken its place. */
  remove(token: SagaToken): Promise<void>;
  /** The token by which a saga's machine waits for an item. */
  find(sagaId: string, step: string, item: string): Promise<SagaToken | undefined>;
  /** The tokens by which a saga's machine waits. */
  ofSaga(sagaId: string): Promise<readonly SagaToken[]>;
  /** The sagas that wait for a party. */
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
