import { ulid } from 'ulid';
import type { Json, JsonObject } from '../core/events/json.ts';
import * as answers from './answers.ts';
import { AnnalsRequestError } from './errors.ts';
import { type Requests, segment } from './requests.ts';

/** What a job took, for its record. */
export interface JobCost {
  /** Milliseconds; the time since the claim by default. */
  readonly duration?: number | undefined;
  /** Amounts by name, such as tokens. */
  readonly resources?: Readonly<Record<string, number>> | undefined;
}

/** Heartbeats in the time of a lease. */
const BEATS = 3;

/**
 * A part of a task that the agent holds. Heartbeats keep it until it ends: completed, failed, given back, or lost. Then a
 * further call is refused by the server with `LEASE_LOST`, or as a second answer.
 */
export class Job {
  readonly taskId: string;
  /** The part of the task. */
  readonly slot: string;
  readonly agentId: string;
  /** The number of the claim, for fencing off older holders elsewhere. */
  readonly fencing: number;
  readonly payload: JsonObject;
  /** The end of the time for the task, ISO 8601. */
  readonly deadline: string | undefined;
  readonly priority: number | undefined;
  /** The view of the task when it was claimed. */
  readonly task: answers.TaskView;
  /** Aborts when the agent does not hold the part any longer: stop the work, another agent may have it. */
  readonly signal: AbortSignal;
  /** Settles when the job has ended. */
  readonly ended: Promise<void>;

  readonly #requests: Requests;
  readonly #leaseSeconds: number;
  readonly #lost = new AbortController();
  readonly #began = Date.now();
  readonly #keys = { complete: ulid(), fail: ulid(), release: ulid() };
  #end: () => void = () => {};
  #isOver = false;
  #beat: ReturnType<typeof setTimeout> | undefined;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  constructor(requests: Requests, claim: answers.TaskClaim, leaseSeconds: number) {
    const { taskId, slot, agentId, fencing, task } = claim;
    this.#requests = requests;
    this.#leaseSeconds = leaseSeconds;
    this.taskId = taskId;
    this.slot = slot;
    this.agentId = agentId;
    this.fencing = fencing;
    this.payload = task.payload ?? {};
    this.deadline = task.deadline;
    this.priority = task.priority;
    this.task = task;
    this.signal = this.#lost.signal;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#keepFrom(Date.now());
  }

  /** Completes the part. @throws AnnalsRequestError, with code `LEASE_LOST` when the agent does not hold it any longer */
  complete(result: Json, { duration = Date.now() - this.#began, resources = {} }: JobCost = {}): Promise<void> {
    const body = { ...this.#holder, result, duration, resources };
    return this.#finish('completions', body, answers.taskAnswer, this.#keys.complete);
  }

  /** Says that the part cannot be done: the task fails. */
  fail(error: string | JsonObject): Promise<void> {
    return this.#finish('failures', { ...this.#holder, error }, answers.taskAnswer, this.#keys.fail);
  }

  /** Gives the part back: it waits for the next agent. */
  release(): Promise<void> {
    return this.#finish('release', this.#holder, answers.releasedAnswer, this.#keys.release);
  }

  get #holder() {
    return { agentId: this.agentId, fencing: this.fencing };
  }

  async #finish(
    path: string,
    body: object,
    schema: typeof answers.taskAnswer | typeof answers.releasedAnswer,
    idempotencyKey: string,
  ): Promise<void> {
    try {
      await this.#requests.post(this.#path(path), body, schema, { idempotencyKey });
    } catch (error) {
      if (isLoss(error)) this.#lose(error);
      throw error;
    }
    this.#over();
  }

  /** The lease holds for its time after the moment when the last heartbeat that was answered began. */
  #keepFrom(moment: number): void {
    clearTimeout(this.#expiry);
    const leaseMs = this.#leaseSeconds * 1_000;
    const left = Math.max(0, moment + leaseMs - Date.now());
    this.#expiry = setTimeout(() => this.#lose(new Error('no heartbeat was answered in time')), left);
    this.#beatAfter(leaseMs / BEATS);
  }

  #beatAfter(ms: number): void {
    clearTimeout(this.#beat);
    this.#beat = setTimeout(() => void this.#sendBeat(), ms);
  }

  async #sendBeat(): Promise<void> {
    const began = Date.now();
    const body = { ...this.#holder, leaseSeconds: this.#leaseSeconds };
    try {
      await this.#requests.post(this.#path('heartbeat'), body, answers.heartbeatAnswer);
      if (!this.#isOver) this.#keepFrom(began);
    } catch (error) {
      if (this.#isOver) return;
      if (isLoss(error)) this.#lose(error);
      else this.#beatAfter((this.#leaseSeconds * 1_000) / BEATS / 4);
    }
  }

  #lose(reason: unknown): void {
    if (this.#isOver) return;
    this.#over();
    this.#lost.abort(reason);
  }

  #over(): void {
    this.#isOver = true;
    clearTimeout(this.#beat);
    clearTimeout(this.#expiry);
    this.#end();
  }

  #path(last: string): string {
    return `/tasks/${segment(this.taskId)}/${last}`;
  }
}

const isLoss = (error: unknown): boolean =>
  error instanceof AnnalsRequestError && (error.code === 'LEASE_LOST' || error.code === 'NOT_FOUND');
