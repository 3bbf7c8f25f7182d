import { ulid } from 'ulid';
import type * as z from 'zod/mini';
import type { Clock } from '../core/events/clock.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** Options of a command. Every member is optional. */
export interface RequestOptions {
  /** A repeat with the same key changes nothing and gets the first answer. A new ULID by default. */
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
}

/** The state of a view: the newest, the state at an instant or a version, or the state after a version is applied. */
export interface ViewOptions {
  /** ISO 8601. */
  readonly at?: string | undefined;
  /** The time of events that `at` means; `happened` by default. See {@link Clock}. */
  readonly clock?: Clock | undefined;
  readonly version?: number | undefined;
  /** Waits up to 10 s until the view has applied this version of its stream: read your own write. */
  readonly waitFor?: number | undefined;
}

/** The page of a list. */
export interface PageQuery {
  readonly limit?: number | undefined;
  /** `next` of the page before. It replaces every other parameter but `limit`. */
  readonly cursor?: string | undefined;
}

/** The answer to a command, and whether the command was carried out before under its key. */
export type Answered<Body> = Body & { readonly repeated: boolean };

/** The time of a command. */
export interface Happened {
  /** When it happened, ISO 8601, at most a day from now; the time of the request by default. */
  readonly timestamp?: string | undefined;
}

export type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/** Sends reads and commands, and parses their answers, for every area of the client. */
export class Requests {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * @param held the time that the server may hold the answer, milliseconds; a signal that aborts the request; `once` for
   * a caller that repeats the request itself
   * @throws AnnalsRequestError, AnnalsUnreachableError
   */
  async get<S extends z.ZodMiniType>(
    path: string,
    schema: S,
    query?: object,
    held: Pick<ApiRequest, 'heldMs' | 'signal' | 'once'> = {},
  ): Promise<z.output<S>> {
    return (await this.#transport({ method: 'GET', path, query, ...held }, schema)).body;
  }

  /** @throws AnnalsRequestError, AnnalsUnreachableError */
  async put<S extends z.ZodMiniType>(path: string, body: object, schema: S): Promise<z.output<S>> {
    return (await this.#transport({ method: 'PUT', path, body }, schema)).body;
  }

  /**
   * A request that may be sent twice without an idempotency key.
   * @throws AnnalsRequestError, AnnalsUnreachableError
   */
  async send<S extends z.ZodMiniType>(request: ApiRequest, schema: S): Promise<z.output<S>> {
    return (await this.#transport(request, schema)).body;
  }

  /** @throws AnnalsRequestError, AnnalsUnreachableError */
  async post<S extends z.ZodMiniObject>(
    path: string,
    body: object | undefined,
    schema: S,
    { idempotencyKey = ulid(), correlationId, causationId }: RequestOptions = {},
    held: Pick<ApiRequest, 'heldMs' | 'signal' | 'once'> = {},
  ): Promise<Answered<z.output<S>>> {
    const headers = {
      'idempotency-key': idempotencyKey,
      'x-correlation-id': correlationId,
      'x-causation-id': causationId,
    };
    const answer = await this.#transport({ method: 'POST', path, headers, body, ...held }, schema);
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
    throw new TypeError(`${JSON.stringify(id)} is not an id: an id starts with a letter or a digit`);
  return encodeURIComponent(id);
}
