/** A request of an operation and its answer. */
export interface Example {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly status?: number;
  readonly answer?: object;
}

/** Examples by the names of operations. */
export type Examples = Readonly<Record<string, Example>>;
