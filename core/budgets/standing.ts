import type { ViewStore } from '../projections/view-store.ts';
import type { CountingStores } from './counting.ts';
import { type BudgetView, budgetList, STANDING } from './list.ts';

/** The settings of {@link StandingBudgets}. */
export interface StandingOptions extends Pick<CountingStores, 'generations'> {
  readonly views: Pick<ViewStore, 'list'>;
  /** How long a read is used, milliseconds. Infinity where {@link StandingBudgets.forget} is called at each change. */
  readonly maxAgeMs: number;
  readonly now?: () => number;
}

/** The budgets that are of more than a single piece of work. They are few, and kept in memory for a while. */
export class StandingBudgets {
  readonly #options: StandingOptions;
  readonly #now: () => number;
  #known: { readonly budgets: readonly BudgetView[]; readonly at: number } | undefined;
  /** Counts calls of {@link forget}: a read that began before is not kept. */
  #changes = 0;

  constructor(options: StandingOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** @throws UnavailableError */
  async current(): Promise<readonly BudgetView[]> {
    const known = this.#known;
    if (known && this.#now() - known.at < this.#options.maxAgeMs) return known.budgets;
    const [changes, at] = [this.#changes, this.#now()];
    const budgets = await this.#list();
    if (changes === this.#changes) this.#known = { budgets, at };
    return budgets;
  }

  /** A standing budget has changed: the next look reads. */
  forget(): void {
    this.#changes += 1;
    this.#known = undefined;
  }

  async #list(): Promise<BudgetView[]> {
    const { views, generations } = this.#options;
    const generation = await generations.live(budgetList.name);
    const budgets: BudgetView[] = [];
    let after: string | undefined;
    do {
      const page = await views.list(budgetList.name, generation, STANDING, { limit: 100, after });
      budgets.push(...page.views.map(({ view }) => view as unknown as BudgetView));
      after = page.next;
    } while (after !== undefined);
    return budgets;
  }
}
