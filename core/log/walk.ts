import type { ChainEnd, LogChain, Milestone } from './chain.ts';
import { isClosing } from './closing.ts';
import type { LogPage } from './page.ts';
import { type Cursor, formatPosition, type LogPlace, positionsIn, START } from './position.ts';

interface Head {
  readonly chain: LogChain;
  readonly pages: AsyncGenerator<LogPage, ChainEnd>;
  page: LogPage;
}

/** The layouts that the log has had, oldest first. */
export interface WalkedLayouts {
  /** The chains of a layout; undefined after the last. */
  chainsAt(layout: number): Promise<readonly LogChain[] | undefined>;
  /** Whether a layout is known to have another after it. */
  isPast(layout: number): boolean;
}

/**
 * One reader's way through the chains of the log, page by page: always on with the page that has the earliest `through`,
 * and through all of a layout before the next, so that a stream that moved to another chain stays in its order.
 */
export class LogWalk {
  readonly #layouts: WalkedLayouts;
  readonly #to: string | undefined;
  readonly #places: Map<string, LogPlace>;
  #layout: number;
  #total: number;
  #page: LogPage | undefined;
  #offset = 0;
  /** Positions inside the page in work. */
  #positions: (total: number, place: LogPlace) => string = () => this.position;

  constructor(layouts: WalkedLayouts, { total, layout, places }: Cursor, to: string | undefined) {
    this.#layouts = layouts;
    this.#to = to;
    this.#places = new Map(places);
    this.#layout = layout;
    this.#total = total;
  }

  /** How many events of the page in work come before the way. */
  get offset(): number {
    return this.#offset;
  }

  /** The position after all pages that the way has left behind. */
  get position(): string {
    return formatPosition(this.#cursor);
  }

  /** The pages of all chains, without those that close one. One is left behind when the next is asked for. */
  async *pages(most = Number.MAX_SAFE_INTEGER): AsyncGenerator<LogPage> {
    for (let chains = await this.#layouts.chainsAt(this.#layout); chains; ) {
      const isDone = yield* this.#layoutPages(chains, most);
      const next = isDone ? await this.#layouts.chainsAt(this.#layout + 1) : undefined;
      if (next) this.#goOn(chains, next);
      chains = next;
    }
  }

  /** The position after so many events of the page in work. */
  positionAt(events: number): string {
    const page = this.#page;
    if (!page) return this.position;
    const place = events < page.count ? { page: page.page, offset: events } : { page: page.page + 1, offset: 0 };
    return this.#positions(this.#total + events - this.#offset, place);
  }

  get #cursor(): Cursor {
    return { total: this.#total, layout: this.#layout, places: this.#places };
  }

  /** @returns whether nothing more that is wanted will come in these chains */
  async *#layoutPages(chains: readonly LogChain[], most: number): AsyncGenerator<LogPage, boolean> {
    const ends: { readonly chain: LogChain; readonly end: ChainEnd }[] = [];
    const advance = async (head: Omit<Head, 'page'>): Promise<Head | undefined> => {
      const { done, value } = await head.pages.next();
      if (!done && !isClosing(value)) return { ...head, page: value };
      ends.push({ chain: head.chain, end: done ? value : 'closed' });
      return undefined;
    };
    const opened = chains.map((chain) =>
      advance({ chain, pages: chain.pages(this.#placeIn(chain.partition).page, { to: this.#to, most }) }),
    );
    let heads = (await Promise.all(opened)).filter((head) => head !== undefined);
    while (heads[0]) {
      const head = heads.reduce((first, other) => (isBefore(other.page, first.page) ? other : first), heads[0]);
      this.#enter(head.page);
      yield head.page;
      this.#leave(head.page);
      const next = await advance(head);
      heads = heads.flatMap((other) => (other === head ? (next ?? []) : other));
    }
    for (const { chain, end } of ends) if (end === 'end' && !(await this.#isLeftBehind(chain))) return false;
    return true;
  }

  /** A position of an earlier version can be after the page that closes a chain. */
  async #isLeftBehind(chain: LogChain): Promise<boolean> {
    return this.#layouts.isPast(this.#layout) && chain.isClosedBefore(this.#placeIn(chain.partition).page);
  }

  #goOn(left: readonly LogChain[], next: readonly LogChain[]): void {
    for (const { partition } of left) this.#places.delete(partition);
    for (const { partition } of next) this.#places.set(partition, this.#placeIn(partition));
    this.#layout += 1;
  }

  #placeIn(partition: string): LogPlace {
    return this.#places.get(partition) ?? START;
  }

  #enter(page: LogPage): void {
    const place = this.#placeIn(page.partition);
    this.#offset = place.page === page.page ? Math.min(place.offset, page.count) : 0;
    this.#page = page;
    // Made once a page: a position for each event is most of what reading costs otherwise.
    this.#positions = positionsIn(page.partition, this.#cursor);
  }

  #leave(page: LogPage): void {
    this.#total += page.count - this.#offset;
    this.#places.set(page.partition, { page: page.page + 1, offset: 0 });
    this.#page = undefined;
  }
}

const isBefore = (a: LogPage, b: LogPage): boolean =>
  a.through < b.through || (a.through === b.through && a.partition < b.partition);

/** Places in the partitions of all layouts, as one cursor: in the first layout that is not all behind it. */
export function cursorOf(layouts: readonly (readonly Milestone[])[]): Cursor {
  const first = layouts.findIndex((milestones) => milestones.some(({ isEnd }) => !isEnd));
  const layout = first < 0 ? layouts.length - 1 : first;
  const passed = layouts.slice(0, layout + 1).flat();
  return {
    total: passed.reduce((sum, { before }) => sum + before, 0),
    layout,
    places: new Map(layouts[layout]?.map(({ partition, place }) => [partition, place])),
  };
}
