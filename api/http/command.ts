import { createHash } from 'node:crypto';
import { ulids } from '../../core/base/new-id.ts';
import type { AnyDecider, CommandOptions } from '../../core/state/decider.ts';
import { appendRaw } from '../../core/state/raw-append.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import type { AppDeps } from './app.ts';
import { REPEATED, type RequestContext } from './route.ts';

/** What the routes that write need. */
export interface CommandDeps extends AppDeps {
  readonly store: EventStore;
  /** Where aggregates are loaded from; their whole streams when absent. */
  readonly states?: StateReader | undefined;
  /** The aggregates, which admit what is appended to their streams without a command. */
  readonly aggregates: readonly AnyDecider[];
  readonly now?: () => Date;
  /** Trace header of the request in work, kept with what it writes. */
  readonly trace?: () => string | undefined;
}

/** What the status 200 means where a request that wrote something gets 201. */
export const REPEAT = 'The repeat of a request under the same Idempotency-Key; nothing was written';

/** What tells the answer to a repeat from a first one, whatever status they have. */
export const repeatHeader = (repeated: boolean): Record<string, string> => (repeated ? { [REPEATED]: 'true' } : {});

/** What a request's headers mean for the append that it leads to. */
export function appendOptions(
  { correlationId, causationId, idempotencyKey, digest }: RequestContext,
  deps: CommandDeps,
) {
  return {
    commitId: idempotencyKey,
    digest,
    defaults: { correlationId, causationId },
    trace: deps.trace?.(),
    states: deps.states,
    ...(deps.now ? { now: deps.now } : {}),
  } satisfies CommandOptions;
}

/** Appends events that come without a command; see {@link appendRaw}. */
export const rawAppends =
  ({ store, aggregates, states = new StateReader({ store }) }: CommandDeps): EventStore['append'] =>
  (stream, events, options) =>
    appendRaw({ store, states, aggregates }, stream, events, options);

const ulid = ulids();

/** The id of a new aggregate that the caller did not name. It follows from the idempotency key, so that a repeat meets the same one. */
export function newAggregateId(aggregateType: string, { idempotencyKey }: RequestContext, deps: CommandDeps): string {
  if (idempotencyKey === undefined) return (deps.newId ?? ulid)();
  return createHash('sha256').update(`${aggregateType} ${idempotencyKey}`).digest('hex').slice(0, 32);
}
