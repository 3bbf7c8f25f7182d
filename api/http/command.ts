import { createHash } from 'node:crypto';
import { ulids } from '../../core/base/new-id.ts';
import type { AnyDecider, CommandOptions } from '../../core/state/decider.ts';
import { appendRaw } from '../../core/state/raw-append.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import type { AppDeps } from './app.ts';
import { REPEATED, type RequestContext } from './route.ts';

/** The parts that writing routes need. */
export interface CommandDeps extends AppDeps {
  readonly store: EventStore;
  /** Loads the states of aggregates; from whole streams when absent. */
  readonly states?: StateReader | undefined;
  /** The aggregates. They admit or refuse raw appends. */
  readonly aggregates: readonly AnyDecider[];
  readonly now?: () => Date;
  /** The trace header of the request, stored with its commits. */
  readonly trace?: () => string | undefined;
}

/** The meaning of 200 where the first request gets 201. */
export const REPEAT = 'A repeat with the same Idempotency-Key; nothing was written';

/** The header that marks the answer to a repeat, whatever its status. */
export const repeatHeader = (repeated: boolean): Record<string, string> => (repeated ? { [REPEATED]: 'true' } : {});

/** The options of an append that follow from the headers of its request. */
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

/** Appends events without a command; see {@link appendRaw}. */
export const rawAppends =
  ({ store, aggregates, states = new StateReader({ store }) }: CommandDeps): EventStore['append'] =>
  (stream, events, options) =>
    appendRaw({ store, states, aggregates }, stream, events, options);

const ulid = ulids();

/**
 * The id of a new aggregate, when the caller gives none. It follows from the idempotency key, so a repeat gets the same
 * id.
 */
export function newAggregateId(aggregateType: string, { idempotencyKey }: RequestContext, deps: CommandDeps): string {
  if (idempotencyKey === undefined) return (deps.newId ?? ulid)();
  return createHash('sha256').update(`${aggregateType} ${idempotencyKey}`).digest('hex').slice(0, 32);
}
