import type { DomainEvent, EventType } from '../events/catalogue.ts';
import type { AnySharedProjection } from '../projections/shared-projection.ts';
import type { CounterValues, SharedViewStore } from '../projections/shared-view-store.ts';
import type { Budget, BudgetAmounts } from './budget.ts';
import type { ClaimRequest } from './claims.ts';

/** What a budget is of. */
export type BudgetSubject = Pick<Budget, 'scope' | 'name'>;

/** A declaration of how an application counts what budgets limit. All functions are pure. */
export interface BudgetCounting {
  /** The shared projection whose counters say what is spent: each event counts exactly once. */
  readonly projection: AnySharedProjection;
  /** The events that change these counters. */
  readonly types: readonly EventType[];
  /** The scope of budgets of a single piece of work. */
  readonly work: string;
  /** The pieces of work to which the usage of an event belongs, by their names. */
  readonly workOf: (event: DomainEvent) => readonly string[];
  /** The events that bring a budget for a piece of work, and that budget. */
  readonly begunBy: readonly EventType[];
  readonly begins: (event: DomainEvent) => Pick<Budget, 'name' | 'limits' | 'warnAt'> | undefined;
  /**
   * The scopes of standing budgets. `only`: the only name that the scope takes. `daily`: a budget of each UTC day.
   */
  readonly standing: Readonly<Record<string, { readonly only?: string; readonly daily?: true }>>;
  /** Whether a standing budget concerns a claim. */
  readonly concerns: (subject: BudgetSubject, claim: ClaimRequest) => boolean;
  /** The key of the view that counts for a subject, on a UTC day. */
  readonly keyOf: (subject: BudgetSubject, day: string) => string;
  /** What the counters of that view say is spent. */
  readonly spent: (subject: BudgetSubject, counters: CounterValues) => BudgetAmounts;
  /** The path of a counter with a name from callers by which a subject is counted; undefined when it has none. */
  readonly namedCounter: (subject: BudgetSubject) => readonly string[] | undefined;
}

/** The stores that have the counters. */
export interface CountingStores {
  readonly sharedViews: SharedViewStore;
  readonly generations: { live(projection: string): Promise<number> };
}

/** The day of the counts of a budget of each UTC day; undefined for other budgets. */
export const countedDay = ({ standing }: BudgetCounting, { scope }: BudgetSubject, now: Date): string | undefined =>
  Object.hasOwn(standing, scope) && standing[scope]?.daily ? dayOf(now) : undefined;

/** The UTC day of an instant. */
const dayOf = (now: Date): string => now.toISOString().slice(0, 10);

/** Reads what is spent, a view at most once: for one look at several budgets. Strongly consistent. */
export class SpentReader {
  readonly #counting: BudgetCounting;
  readonly #stores: CountingStores;
  readonly #day: string;
  readonly #views = new Map<string, Promise<CounterValues>>();

  constructor(counting: BudgetCounting, stores: CountingStores, now: Date) {
    this.#counting = counting;
    this.#stores = stores;
    this.#day = dayOf(now);
  }

  /** @throws UnavailableError */
  async spent(subject: BudgetSubject): Promise<BudgetAmounts> {
    const key = this.#counting.keyOf(subject, this.#day);
    const read = this.#views.get(key) ?? this.#read(key);
    this.#views.set(key, read);
    return this.#counting.spent(subject, await read);
  }

  async #read(key: string): Promise<CounterValues> {
    const { name, shards } = this.#counting.projection;
    const generation = await this.#stores.generations.live(name);
    return (await this.#stores.sharedViews.read({ projection: name, generation }, key, shards)) ?? new Map();
  }
}
