import { ulid } from 'ulid';
import type * as z from 'zod';
import type { AgentState } from '../events/agent.ts';
import type { DomainEvent, EventData, EventType, NewEvent } from '../events/catalogue.ts';
import * as answers from './answers.ts';
import { followPages } from './follow.ts';
import { createTransport, type Transport, type TransportOptions } from './transport.ts';

export type * from './answers.ts';
export { AnnalsRequestError, AnnalsUnreachableError } from './errors.ts';

/** How a command is to be sent; all of it optional. */
export interface RequestOptions {
  /** Repeats under the same key change nothing and get the first one's answer. A ULID is made when absent. */
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
}

/** A command's answer, and whether it had been carried out before under its key. */
export type Answered<Body> = Body & { readonly repeated: boolean };

/** Which state of a view is wanted: the newest, as it was at a time or at a version, or once it has come to a version. */
export interface ViewOptions {
  /** ISO 8601. */
  readonly at?: string | undefined;
  readonly version?: number | undefined;
  /** Waits up to 10 s until the view has applied this version of its stream: reads your own write. */
  readonly waitFor?: number | undefined;
}

export interface StreamPage {
  readonly streamId: string;
  /** The stream's last sequence number. */
  readonly version: number;
  readonly events: readonly DomainEvent[];
  /** Cursor of the next page, null on the last. */
  readonly next: string | null;
}

/** What became of one append of a batch: its place, or a problem. */
export type BatchOutcome = answers.BatchAnswer['results'][number];

/** An event as the log gives it. */
export type LoggedEvent = DomainEvent & { readonly position: string };

/** Which events of the log; all of it optional. */
export interface LogQuery {
  /** Position to go on after; the beginning when absent. */
  readonly after?: string | undefined;
  readonly types?: readonly EventType[] | undefined;
  readonly aggregateType?: string | undefined;
  readonly aggregateId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Recorded at or after, and at or before, an instant; ISO 8601. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface LogPage {
  readonly events: readonly LoggedEvent[];
  /** Position to go on after, whether or not there were events. */
  readonly next: string;
  /** Nothing more was there. */
  readonly caughtUp: boolean;
}

/** How long the server holds each answer while the log has no news, seconds. */
const WAIT_SECONDS = 20;

type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/**
 * The API of Annals, typed. Every method throws {@link AnnalsRequestError} when the server refuses and
 * {@link AnnalsUnreachableError} when it does not answer, both only after the retries that make sense.
 */
export class AnnalsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Appends 1 to 100 events, all or none. `expectedVersion` is a number (0 = a new stream), `any` or `exists`. */
  append(
    streamId: string,
    body: { readonly expectedVersion: number | 'any' | 'exists'; readonly events: readonly NewEvent[] },
    options?: RequestOptions,
  ): Promise<Answered<answers.AppendAnswer>> {
    return this.#post(`/streams/${segment(streamId)}/events`, body, answers.appendAnswer, options);
  }

  /**
   * Appends to up to 100 streams, a commit each, and tells what became of each, in their order: one that is refused keeps
   * no other from being stored.
   */
  appendBatch(
    appends: readonly {
      readonly streamId: string;
      readonly expectedVersion: number | 'any' | 'exists';
      readonly events: readonly NewEvent[];
    }[],
    options?: RequestOptions,
  ) {
    return this.#post('/events:batch', { appends }, answers.batchAnswer, options);
  }

  /** A page of a stream's events; `from` and `to` are sequence numbers, both included. */
  async readStream(
    streamId: string,
    query: {
      readonly from?: number;
      readonly to?: number;
      readonly limit?: number;
      readonly direction?: 'forward' | 'backward';
      readonly cursor?: string;
    } = {},
  ): Promise<StreamPage> {
    return this.#get(`/streams/${segment(streamId)}/events`, answers.streamAnswer, query);
  }

  /** A page of the log: the events of all streams in one order. `wait` holds the answer so many seconds, 20 at most, until there is one. */
  async readLog({
    types,
    ...query
  }: LogQuery & { readonly limit?: number; readonly wait?: number } = {}): Promise<LogPage> {
    const request = { ...query, type: types?.join(',') };
    const heldMs = (query.wait ?? 0) * 1_000;
    const answer = await this.#transport({ method: 'GET', path: '/events', query: request, heldMs }, answers.logAnswer);
    return answer.body as LogPage; // positions are on every event of the log
  }

  /**
   * Follows the log: every event after a position, once and in order, and then those to come, until the loop is left, the
   * signal is given, or everything up to `to` was given. It outlives outages, restarts and proxies in between.
   * Nothing is fetched before what came earlier was taken. Go on later after the position of the last event dealt with.
   * @throws AnnalsRequestError when the request itself is refused, or the log has an event that cannot be read
   */
  follow({
    after,
    signal,
    types,
    ...query
  }: LogQuery & {
    readonly limit?: number;
    readonly signal?: AbortSignal | undefined;
  } = {}): AsyncGenerator<LoggedEvent> {
    const read = async (position: string | undefined, heldMs: number, signal: AbortSignal | undefined) => {
      const wait = Math.floor(heldMs / 1_000);
      const request = { ...query, after: position, type: types?.join(','), wait: wait > 0 ? wait : undefined };
      const answer = this.#transport(
        { method: 'GET', path: '/events', query: request, heldMs, signal },
        answers.logAnswer,
      );
      return (await answer).body as LogPage;
    };
    return followPages(read, { after, to: query.to, signal }, WAIT_SECONDS * 1_000);
  }

  createAgent(body: Optional<EventData<'agent.created'>, 'agentId'>, options?: RequestOptions) {
    return this.#post('/agents', body, answers.agentAnswer, options);
  }

  changeAgentState(
    agentId: string,
    body: { readonly newState: AgentState; readonly reason: string },
    options?: RequestOptions,
  ) {
    return this.#post(`/agents/${segment(agentId)}/state`, body, answers.agentStateAnswer, options);
  }

  recordStep(agentId: string, body: Omit<EventData<'agent.step-recorded'>, 'agentId'>, options?: RequestOptions) {
    return this.#post(`/agents/${segment(agentId)}/steps`, body, answers.agentAnswer, options);
  }

  /** Starts another agent whose history up to `atVersion` is this one's. */
  forkAgent(
    agentId: string,
    body: { readonly atVersion: number; readonly agentId?: string },
    options?: RequestOptions,
  ) {
    return this.#post(`/agents/${segment(agentId)}/forks`, body, answers.forkAnswer, options);
  }

  /** A page of what two agents did, side by side from where they part. */
  diffAgents(agentId: string, query: { readonly with: string; readonly limit?: number; readonly cursor?: string }) {
    return this.#get(`/agents/${segment(agentId)}/diff`, answers.agentsDiff, query);
  }

  requestTask(body: Optional<EventData<'task.requested'>, 'taskId'>, options?: RequestOptions) {
    return this.#post('/tasks', body, answers.taskRequestedAnswer, options);
  }

  completeTask(taskId: string, body: Omit<EventData<'task.completed'>, 'taskId'>, options?: RequestOptions) {
    return this.#post(`/tasks/${segment(taskId)}/completions`, body, answers.taskAnswer, options);
  }

  failTask(taskId: string, body: Omit<EventData<'task.failed'>, 'taskId'>, options?: RequestOptions) {
    return this.#post(`/tasks/${segment(taskId)}/failures`, body, answers.taskAnswer, options);
  }

  startWorkflow(body: Optional<EventData<'workflow.started'>, 'workflowId'>, options?: RequestOptions) {
    return this.#post('/workflows', body, answers.workflowAnswer, options);
  }

  completeWorkflowStep(
    workflowId: string,
    body: Omit<EventData<'workflow.step-completed'>, 'workflowId'>,
    options?: RequestOptions,
  ) {
    return this.#post(`/workflows/${segment(workflowId)}/steps`, body, answers.workflowAnswer, options);
  }

  failWorkflowStep(
    workflowId: string,
    body: Omit<EventData<'workflow.step-failed'>, 'workflowId'>,
    options?: RequestOptions,
  ) {
    return this.#post(`/workflows/${segment(workflowId)}/failures`, body, answers.workflowAnswer, options);
  }

  /** Gives a saga up: what it did is undone. */
  cancelSaga(sagaId: string, body: { readonly reason: string }, options?: RequestOptions) {
    return this.#post(`/sagas/${segment(sagaId)}/cancel`, body, answers.sagaAnswer, options);
  }

  /** Has a parked saga try again to undo what it could not. */
  resumeSaga(sagaId: string, options?: RequestOptions) {
    return this.#post(`/sagas/${segment(sagaId)}/resume`, {}, answers.sagaAnswer, options);
  }

  /** A page of the sagas, those that want an operator first; those in one state when `state` is given. */
  sagas(
    query: {
      readonly state?: answers.SagasPage['sagas'][number]['state'];
      readonly limit?: number;
      readonly cursor?: string;
    } = {},
  ) {
    return this.#get('/sagas', answers.sagasPage, query);
  }

  /** A saga's state, its steps and its whole history. */
  saga(sagaId: string) {
    return this.#get(`/sagas/${segment(sagaId)}`, answers.saga);
  }

  agent(agentId: string, options?: ViewOptions) {
    return this.#get(`/agents/${segment(agentId)}`, answers.agentView, options);
  }

  task(taskId: string, options?: ViewOptions) {
    return this.#get(`/tasks/${segment(taskId)}`, answers.taskView, options);
  }

  workflow(workflowId: string, options?: ViewOptions) {
    return this.#get(`/workflows/${segment(workflowId)}`, answers.workflowView, options);
  }

  /** Any view, by the names of its projection and its own. */
  view(projection: string, key: string, options?: ViewOptions) {
    return this.#get(`/projections/${segment(projection)}/${segment(key)}`, answers.anyView, options);
  }

  /** A page of all views of a projection as they were at a time (ISO 8601), folded from the log for this call. */
  projectionAt(projection: string, query: { readonly at: string; readonly limit?: number; readonly cursor?: string }) {
    return this.#get(`/projections/${segment(projection)}`, answers.pastProjection, query);
  }

  /** A page of the agents, those in one state when `state` is given. */
  agents(query: { readonly state?: AgentState; readonly limit?: number; readonly cursor?: string } = {}) {
    return this.#get('/agents', answers.agentsPage, query);
  }

  /** Makes all views of a projection anew, beside the live ones; readers get them once they are whole. */
  rebuild(projection: string, options?: RequestOptions) {
    return this.#post(`/projections/${segment(projection)}/rebuilds`, undefined, answers.rebuildRequested, options);
  }

  /** Replays all events, or those of a time or of some types, into a new generation of a projection. */
  requestReplay(
    body: {
      readonly projection: string;
      readonly from?: string | undefined;
      readonly to?: string | undefined;
      readonly types?: readonly string[] | undefined;
    },
    options?: RequestOptions,
  ) {
    return this.#post('/replays', body, answers.replayRequested, options);
  }

  /** How far a replay, or a rebuild, has come. */
  replay(replayId: string) {
    return this.#get(`/replays/${segment(replayId)}`, answers.replay);
  }

  moveReplay(replayId: string, verb: 'pause' | 'resume' | 'discard') {
    return this.#post(`/replays/${segment(replayId)}/${verb}`, undefined, answers.replay);
  }

  /** Serves the generation of a replay that is ready; one that holds a part of the events only when that is accepted. */
  switchToReplay(replayId: string, body: { readonly acceptPart?: boolean } = {}) {
    return this.#post(`/replays/${segment(replayId)}/switch`, body, answers.replay);
  }

  async #get<S extends z.ZodType>(path: string, schema: S, query?: object): Promise<z.output<S>> {
    return (await this.#transport({ method: 'GET', path, query }, schema)).body;
  }

  async #post<S extends z.ZodObject>(
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

/**
 * A client of the API at `url`.
 * @throws TypeError when `url` is not an http or https URL
 */
export function createClient(options: TransportOptions): AnnalsClient {
  return new AnnalsClient(createTransport(options));
}

/** An id as part of a path. A URL would resolve `..` away, and an empty one would name another resource. */
function segment(id: string): string {
  if (!/^[A-Za-z0-9]/.test(id))
    throw new TypeError(`${JSON.stringify(id)} is not an id: it starts with no letter or digit`);
  return encodeURIComponent(id);
}
