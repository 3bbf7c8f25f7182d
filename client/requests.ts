import { ulid } from 'ulid';
import type * as z from 'zod';
import type { Transport } from './transport.ts';

/** How a command is to be sent; all of it optional. */
export interface RequestOptions {
  /** Repeats under the same key change nothing and get the first answer. A ULID is made when absent. */
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
}

/** Which state of a view is wanted: the newest, as it was at a time or at a version, or once it has come to a version. */
export interface ViewOptions {
  /** ISO 8601. */
  readonly at?: string | undefined;
  readonly version?: number | undefined;
  /** Waits up to 10 s until the view has applied this version of its stream: reads your own write. */
  readonly waitFor?: number | undefined;
}

/** Which page of a list. */
export interface PageQuery {
  readonly limit?: number | undefined;
  /** `next` of the page before; it stands for all other parameters but `limit`. */
  readonly cursor?: string | undefined;
}

/** A command's answer, and whether it had been carried out before under its key. */
export type Answered<Body> = Body & { readonly repeated: boolean };

export type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/** Sends reads and commands, and parses their answers: what the areas of the client stand on. */
export class Requests {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * @param held how long the server may hold the answer, milliseconds, and what gives the request up
   * @throws AnnalsRequestError, AnnalsUnreachableError
   */
  async get<S extends z.ZodType>(
    path: string,
    schema: S,
    query?: object,
    held: { readonly heldMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<z.output<S>> {
    return (await this.#transport({ method: 'GET', path, query, ...held }, schema)).body;
  }

  /** @throws AnnalsRequestError, AnnalsUnreachableError */
  async post<S extends z.ZodObject>(
    path: string,
    body: object | undefined,
    schema: S,
    { idempotencyKey = ulid(), correlationId, causationId }: RequestOptions = {},
  ): Promise<Answered<z.output<S>>> {
    const headers = {
      'idempotency-key': idempotencyKey,
      'x-correlation-id': correlationId,
      'x-causation-id': causationId,
    };
    const answer = await this.#transport({ method: 'POST', path, headers, body }, schema);
    return { ...answer.body, repeated: answer.headers.get('Idempotent-Replayed') === 'true' };
  }
}

/** The methods of one area of the API, such as `client.agents`. */
export abstract class Area {
  protected readonly requests: Requests;

  constructor(requests: Requests) {
    this.requests = requests;
  }
}

/** An id as part of a path. A URL would resolve `..` away, and an empty id would name another resource. */
export function segment(id: string): string {
  if (!/^[A-Za-z0-9]/.test(id))
    throw new TypeError(`${JSON.stringify(id)} is not an id: it starts with no letter or digit`);
  return encodeURIComponent(id);
}
