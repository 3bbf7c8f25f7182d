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
  } satisfies CommandOptions;
}

/** Appends events without a command; see {@link appendRaw}. */
export const rawAppends =
  ({ store, aggregates, states = new StateReader({ store }) }: CommandDeps): EventStore['append'] =>
  (stream, events, options) =>
    appendRaw({ store, states, aggregates }, stream, events, options);
