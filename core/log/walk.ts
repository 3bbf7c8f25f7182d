import type { LogChain, Milestone } from './chain.ts';
import type { LogPage } from './page.ts';
import { type Cursor, formatPosition, type LogPlace, START } from './position.ts';

interface Head {
  readonly pages: AsyncGenerator<LogPage>;
  page: LogPage;
}

/** One reader's way through the chains of the log, page by page: always on with the page that has the earliest `through`. */
export class LogWalk {
  readonly #chains: readonly LogChain[];
  readonly #to: string | undefined;
  readonly #places: Map<string, LogPlace>;
  #total: number;
  #page: LogPage | undefined;
  #offset = 0;
  /** A position inside the page in work, around its own place. */
  #around: readonly [string, string] = ['', ''];

  constructor(chains: readonly LogChain[], { total, places }: Cursor, to: string | undefined) {
    this.#chains = chains;
    this.#to = to;
    this.#places = new Map(places);
    this.#total = total;
  }

  /** How many events of the page in work come before the way. */
  get offset(): number {
    return this.#offset;
  }

  /** The position after all pages that the way has left behind. */
  get position(): string {
    return formatPosition({ total: this.#total, places: this.#places });
  }

  /** The pages of all chains. One is left behind when the next is asked for. */
  async *pages(most = Number.MAX_SAFE_INTEGER): AsyncGenerator<LogPage> {
    const opened = await Promise.all(this.#chains.map((chain) => this.#open(chain, most)));
    let heads = opened.filter((head) => head !== undefined);
    while (heads[0]) {
      const head = heads.reduce((first, other) => (isBefore(other.page, first.page) ? other : first), heads[0]);
      this.#enter(head.page);
      yield head.page;
      this.#leave(head.page);
      const { done, value } = await head.pages.next();
      if (done) heads = heads.filter((other) => other !== head);
      else head.page = value;
    }
  }

  /** The position after so many events of the page in work. */
  positionAt(events: number): string {
    const page = this.#page;
    if (!page) return this.position;
    const total = this.#total + events - this.#offset;
    const place = events < page.count ? `${page.page}_${events}` : `${page.page + 1}_0`;
    return total.toString(16).padStart(12, '0') + this.#around[0] + place + this.#around[1];
  }

  async #open(chain: LogChain, most: number): Promise<Head | undefined> {
    const { page } = this.#places.get(chain.partition) ?? START;
    const pages = chain.pages(page, { to: this.#to, most });
    const { done, value } = await pages.next();
    return done ? undefined : { pages, page: value };
  }

  #enter(page: LogPage): void {
    const { partition } = page;
    const place = this.#places.get(partition) ?? START;
    this.#offset = place.page === page.page ? Math.min(place.offset, page.count) : 0;
    this.#page = page;
    // Made once a page: a position for each event is most of what reading costs otherwise.
    const mark = formatPosition({ total: 0, places: new Map(this.#places).set(partition, START) }).slice(12);
    const [before = '', after = ''] = mark.split(`.${partition}_${START.page}_${START.offset}`);
    this.#around = [`${before}.${partition}_`, after];
  }

  #leave(page: LogPage): void {
    this.#total += page.count - this.#offset;
    this.#places.set(page.partition, { page: page.page + 1, offset: 0 });
    this.#page = undefined;
  }
}

const isBefore = (a: LogPage, b: LogPage): boolean =>
  a.through < b.through || (a.through === b.through && a.partition < b.partition);

/** Places in all partitions, as one cursor. */
export function cursorOf(milestones: readonly Milestone[]): Cursor {
  return {
    total: milestones.reduce((sum, { before }) => sum + before, 0),
    places: new Map(milestones.map(({ partition, place }) => [partition, place])),
  };
}
