import { streamId } from '../base/stream-id.ts';
import { type CommandOptions, type CommandResult, handleCommand } from '../state/decider.ts';
import { type Fold, stateFold } from '../state/fold.ts';
import { StateReader } from '../state/state-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { Claimable, ClaimablePart } from './claiming.ts';

/** The parts of {@link WorkHistory}. */
export interface WorkHistoryOptions extends Claimable {
  readonly store: EventStore;
  /** Loads states; from whole streams when absent. */
  readonly states?: StateReader | undefined;
  readonly now?: (() => Date) | undefined;
}

/** The streams of work that is claimed: their states, and the commands of claims. */
export class WorkHistory {
  readonly #options: WorkHistoryOptions;
  readonly #states: StateReader;
  readonly #fold: Fold<unknown>;
  readonly now: () => Date;

  constructor(options: WorkHistoryOptions) {
    const { aggregate, store, states = new StateReader({ store }), now = () => new Date() } = options;
    this.#options = options;
    this.#states = states;
    this.#fold = stateFold(aggregate);
    this.now = now;
  }

  get work() {
    return this.#options.work;
  }

  /** The state of the work, or the state right after the commit of that id. */
  load(id: string, commitId?: string) {
    return this.#states.load(this.#fold, streamId(this.#options.aggregate.aggregateType, id), { commitId });
  }

  async part({ id, slot }: { readonly id: string; readonly slot: string }): Promise<ClaimablePart | undefined> {
    return this.work.part((await this.load(id)).state, slot);
  }

  /** Asks what a command would do in a state. @throws the errors of `decide` */
  try(id: string, state: unknown, command: unknown): void {
    this.#options.aggregate.decide(state, command, { now: this.now().toISOString(), id });
  }

  /** @throws the errors of `handleCommand` */
  decide(id: string, command: unknown, options: CommandOptions): Promise<CommandResult<unknown>> {
    const { store, aggregate } = this.#options;
    return handleCommand(store, aggregate, id, command, { ...options, now: this.now, states: this.#states });
  }

  /** The instant so many seconds from now, ISO 8601. */
  after(seconds: number): string {
    return new Date(this.now().getTime() + seconds * 1_000).toISOString();
  }
}
