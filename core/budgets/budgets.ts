import { BudgetSpentError, ConcurrencyError, UnavailableError } from '../base/errors.ts';
import { streamId } from '../base/stream-id.ts';
import { BUDGET_STREAMS } from '../events/budget.ts';
import type { DomainEvent, EventType } from '../events/catalogue.ts';
import { handleCommand } from '../state/decider.ts';
import { stateFold } from '../state/fold.ts';
import type { StateReader } from '../state/state-reader.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import {
  type BudgetAmounts,
  type BudgetCommand,
  type BudgetState,
  budgetDecider,
  budgetIdOf,
  levelOn,
  spentOf,
  warnedOf,
} from './budget.ts';
import type { AdmitsClaim } from './claims.ts';
import { type BudgetCounting, type BudgetSubject, type CountingStores, countedDay, SpentReader } from './counting.ts';
import type { StandingBudgets } from './standing.ts';

/** The parts of {@link Budgets}. */
export interface BudgetsOptions extends CountingStores {
  readonly counting: BudgetCounting;
  readonly store: EventStore;
  readonly states: StateReader;
  readonly standing: StandingBudgets;
  /** Called for a budget that cannot be counted, such as one with a damaged history. Others go on. */
  readonly onFault: (budgetId: string, error: unknown) => void;
  readonly now?: () => Date;
}

const FOLD = stateFold(budgetDecider);

/**
 * Notices that budgets are used up, and refuses claims then. The counters of the shared projection are the truth; the
 * history of a budget says what followed. Every call may be repeated.
 */
export class Budgets {
  readonly #options: BudgetsOptions;
  readonly #now: () => Date;
  /** The event types of interest, under all their stored names. */
  readonly #storedTypes: ReadonlySet<string>;

  constructor(options: BudgetsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    const { types, begunBy } = options.counting;
    const concerned: EventType[] = [...types, ...begunBy, 'budget.set', 'budget.raised'];
    this.#storedTypes = options.store.catalogue.retired.storedTypesOf(concerned);
  }

  /** Whether a commit may change what is spent, or a budget. */
  concerns({ types }: Commit): boolean {
    return types.some((type) => this.#storedTypes.has(type));
  }

  /**
   * Looks at the budgets of commits that are counted. Call it after the projector applied a batch, and again when the batch
   * comes again: the counters are written before, so a crash between the two loses nothing.
   * @throws UnavailableError, ConcurrencyError; the commits must come again
   */
  async after(commits: readonly Commit[]): Promise<void> {
    const events = commits.filter((commit) => this.concerns(commit)).flatMap((commit) => this.#eventsOf(commit));
    if (events.length === 0) return;
    const { counting } = this.#options;
    const work = new Set<string>();
    const changed = new Set<string>();
    let isUsage = false;
    for (const event of events) {
      if (event.type === 'budget.set' || event.type === 'budget.raised') changed.add(event.aggregateId);
      await this.#begin(event); // `budget.set` comes with a later batch, and is looked at then
      for (const name of counting.workOf(event)) work.add(name);
      isUsage ||= counting.types.includes(event.type);
    }
    if (changed.size > 0) this.#options.standing.forget();
    const look = this.#look();
    const ids = new Set([...changed, ...[...work].map((name) => budgetIdOf(counting.work, name))]);
    for (const id of ids) await this.#tryToCount(id, look);
    if (!isUsage) return;
    for (const budget of await this.#options.standing.current()) {
      // A limit that changed a moment ago is looked at when the event of the change comes.
      const spent = await look.spent(budget);
      const isReached = spentOf(budget, spent).length > 0 || warnedOf(budget, spent).length > 0;
      if (isReached && !ids.has(budget.budgetId)) await this.#tryToCount(budget.budgetId, look);
    }
  }

  /** Counts first, so that a claim is refused that comes before the event. */
  readonly admit: AdmitsClaim = async (claim) => {
    const look = this.#look();
    const { counting } = this.#options;
    const standing = (await this.#options.standing.current()).filter((budget) => counting.concerns(budget, claim));
    for (const id of [budgetIdOf(counting.work, claim.workId), ...standing.map(({ budgetId }) => budgetId)]) {
      const { budget } = await this.#count(id, look);
      if (!budget || levelOn(budget, this.#dayOf(budget)) !== 'spent') continue;
      const reached = spentOf(budget, await look.spent(budget));
      const why = reached.map((measure) => `${budget.limits[measure]} ${measure}`).join(' and ') || 'its limit';
      throw new BudgetSpentError(`budget ${id} of ${why} is spent; POST /budgets/${id}/raises raises it`);
    }
  };

  /** {@link after} for a host that takes failures one by one. @returns the commits that must come again */
  async lookAt(commits: readonly Commit[]): Promise<readonly { readonly commit: Commit; readonly error: unknown }[]> {
    try {
      await this.after(commits);
      return [];
    } catch (error) {
      return commits.filter((commit) => this.concerns(commit)).map((commit) => ({ commit, error }));
    }
  }

  #look(): SpentReader {
    return new SpentReader(this.#options.counting, this.#options, this.#now());
  }

  /** Sets the limits of the budget that an event brings. */
  async #begin(event: DomainEvent): Promise<void> {
    const { begins, begunBy, work: scope } = this.#options.counting;
    const begun = begunBy.includes(event.type) ? begins(event) : undefined;
    if (!begun) return;
    const id = budgetIdOf(scope, begun.name);
    const { correlationId, id: causationId } = event;
    const defaults = { causationId, ...(correlationId === undefined ? {} : { correlationId }) };
    await this.#command(id, { kind: 'begin', scope, standing: false, ...begun }, defaults);
  }

  /** A fault of one budget must not hold up the views. @throws the errors that pass with time */
  async #tryToCount(id: string, look: SpentReader): Promise<void> {
    try {
      await this.#count(id, look);
    } catch (error) {
      if (error instanceof UnavailableError || error instanceof ConcurrencyError) throw error;
      this.#options.onFault(id, error);
    }
  }

  /** Counts a budget, and records what it reached. @returns its state after that; empty without a budget */
  async #count(id: string, look: SpentReader): Promise<BudgetState> {
    const { state } = await this.#options.states.load(FOLD, streamId(BUDGET_STREAMS, id));
    const { budget } = state;
    if (!budget) return state;
    const spent: BudgetAmounts = await look.spent(budget);
    const day = this.#dayOf(budget);
    const level = levelOn(budget, day);
    const isSpent = level !== 'spent' && spentOf(budget, spent).length > 0;
    const isNear = level === 'open' && warnedOf(budget, spent).length > 0;
    return isSpent || isNear ? this.#command(id, { kind: 'count', spent, day }) : state;
  }

  #dayOf(subject: BudgetSubject): string | undefined {
    return countedDay(this.#options.counting, subject, this.#now());
  }

  async #command(id: string, command: BudgetCommand, defaults = {}): Promise<BudgetState> {
    const { store, states } = this.#options;
    const options = { states, now: this.#now, defaults: { source: 'budgets', ...defaults } };
    return (await handleCommand(store, budgetDecider, id, command, options)).state;
  }

  /** The events of a commit; none of an unreadable commit, at which the projector parks the stream. */
  #eventsOf(commit: Commit): readonly DomainEvent[] {
    try {
      return decodeCommit(commit, this.#options.store.catalogue);
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      return [];
    }
  }
}
