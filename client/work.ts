import { handleWhen, retry } from 'cockatiel';
import { ulid } from 'ulid';
import * as answers from './answers.ts';
import { politeBackoff } from './backoff.ts';
import { AnnalsRequestError } from './errors.ts';
import { mayPass, type OnRetry, unlessAborted } from './follow.ts';
import { Job } from './job.ts';
import type { Requests } from './requests.ts';

/** Settings of {@link workOn}. */
export interface WorkOptions {
  /** The type of the agent: it gets tasks for agents of this type. Without it, only tasks that name the agent. */
  readonly agentType?: string | undefined;
  /** The agent; a new id by default. Tasks that name it come first. */
  readonly agentId?: string | undefined;
  /** Most jobs at once, 100 at most; 1 by default. A loop that does not wait for its jobs gets so many. */
  readonly concurrency?: number | undefined;
  /** A job whose heartbeats stay away so long goes to the next agent, seconds from 5 to 3,600; 60 by default. */
  readonly leaseSeconds?: number | undefined;
  /** Takes no more jobs. The loop ends when the jobs in hand have ended. */
  readonly signal?: AbortSignal | undefined;
  /** Called when jobs could not be had, and are asked for again after a pause of `delayMs` milliseconds. */
  readonly onRetry?: OnRetry | undefined;
}

/** How long the server holds each answer while nothing waits, seconds. */
const WAIT_SECONDS = 20;
/** Most jobs of one request. */
const MAX_JOBS = 10;
/** Refusals that pass: leases of an earlier process of the agent, and a budget that is spent until it is raised. */
const PASSING_CODES: ReadonlySet<string> = new Set(['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT', 'BUDGET_SPENT']);

/** The jobs of an agent, one after the other as they come; see `client.work`. */
export async function* workOn(requests: Requests, options: WorkOptions): AsyncGenerator<Job> {
  const { agentType, agentId = `worker-${ulid()}`, concurrency = 1, leaseSeconds = 60, signal } = options;
  const open = new Set<Job>();
  const policy = patience(options);
  const claim = (max: number, idempotencyKey: string) =>
    requests.post(
      '/inbox/claims',
      { agentId, agentType, max, wait: WAIT_SECONDS, leaseSeconds, limit: concurrency },
      answers.claimsAnswer,
      { idempotencyKey },
      { heldMs: WAIT_SECONDS * 1_000, signal, once: true },
    );
  try {
    while (!signal?.aborted) {
      if (open.size >= concurrency) {
        await Promise.race([...open].map(({ ended }) => ended));
        continue;
      }
      const key = ulid(); // the same for each attempt: an answer that is lost loses no job
      const max = Math.min(MAX_JOBS, concurrency - open.size);
      const got = await unlessAborted(
        policy.execute(() => (signal?.aborted ? undefined : claim(max, key))),
        signal,
      );
      const jobs = (got?.claims ?? []).map((claimed) => new Job(requests, claimed, leaseSeconds));
      for (const job of jobs) {
        open.add(job);
        void job.ended.then(() => open.delete(job));
      }
      for (const job of jobs) yield job;
    }
    await Promise.all([...open].map(({ ended }) => ended));
  } finally {
    await Promise.allSettled([...open].map((job) => job.release()));
  }
}

function patience({ onRetry, signal }: WorkOptions) {
  const passes = (error: unknown) =>
    mayPass(error, true) || (error instanceof AnnalsRequestError && PASSING_CODES.has(error.code));
  const policy = retry(handleWhen(passes), {
    maxAttempts: Number.MAX_SAFE_INTEGER,
    backoff: politeBackoff({ initialDelayMs: 200, maxDelayMs: 10_000 }),
  });
  policy.onRetry((failure) => {
    if ('error' in failure && failure.error instanceof Error && !signal?.aborted) {
      onRetry?.(failure.error, { attempt: failure.attempt, delayMs: failure.delay });
    }
  });
  return policy;
}
