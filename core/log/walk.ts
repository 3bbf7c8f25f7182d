import type { ChainEnd, LogChain, Milestone } from './chain.ts';
import { isClosing } from './closing.ts';
import type { LogPage } from './page.ts';
import { type Cursor, formatPosition, type LogPlace, positionsIn, START } from './position.ts';

interface Head {
  readonly chain: LogChain;
  readonly pages: AsyncGenerator<LogPage, ChainEnd>;
  page: LogPage;
}

/** All layouts of the log, the oldest first. */
export interface WalkedLayouts {
  /** The chains of a layout; undefined after the last layout. */
  chainsAt(layout: number): Promise<readonly LogChain[] | undefined>;
  /** Whether a known layout follows a layout. */
  isPast(layout: number): boolean;
}

/**
 * One reader's walk through the chains of the log, page by page. The next page is always the page with the earliest
 * `through`. A layout is read whole before the next layout, so a stream that moved to another chain stays in its order.
 */
export class LogWalk {
  readonly #layouts: WalkedLayouts;
  readonly #to: string | undefined;
  readonly #places: Map<string, LogPlace>;
  #layout: number;
  #total: number;
  #page: LogPage | undefined;
  #offset = 0;
  /** Formats positions inside the current page. */
  #positions: (total: number, place: LogPlace) => string = () => this.position;

  constructor(layouts: WalkedLayouts, { total, layout, places }: Cursor, to: string | undefined) {
    this.#layouts = layouts;
    this.#to = to;
    this.#places = new Map(places);
    this.#layout = layout;
    this.#total = total;
  }

  /** The number of events in the current page that were read before the walk. */
  get offset(): number {
    return this.#offset;
  }

  /** The position after all finished pages. */
  get position(): string {
    return formatPosition(this.#cursor);
  }

  /** The pages of all chains, without closing pages. A page is finished when the caller takes the next page. */
  async *pages(most = Number.MAX_SAFE_INTEGER): AsyncGenerator<LogPage> {
    for (let chains = await this.#layouts.chainsAt(this.#layout); chains; ) {
      const isDone = yield* this.#layoutPages(chains, most);
      const next = isDone ? await this.#layouts.chainsAt(this.#layout + 1) : undefined;
      if (next) this.#goOn(chains, next);
      chains = next;
    }
  }

  /** The position after a number of events of the current page. */
  positionAt(events: number): string {
    const page = this.#page;
    if (!page) return this.position;
    const place = events < page.count ? { page: page.page, offset: events } : { page: page.page + 1, offset: 0 };
    return this.#positions(this.#total + events - this.#offset, place);
  }

  get #cursor(): Cursor {
    return { total: this.#total, layout: this.#layout, places: this.#places };
  }

  /** @returns whether these chains have no further wanted page, now or later */
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

  /**
   * Whether a chain was closed before the reader's place. A position of an earlier version can be after the closing
   * page.
   */
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
    // Made once a page: otherwise the positions of single events would be most of the cost of reading.
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

/** One cursor from places in the partitions of all layouts: in the first layout that has a place before its end. */
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
