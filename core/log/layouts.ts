import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import type { Catalogue } from '../events/catalogue.ts';
import { isClosing } from './closing.ts';
import { type LogPage, pageText, plainPage } from './page.ts';
import { type LogLayout, layoutOf, WHOLE } from './partition.ts';
import type { LogStorage } from './storage.ts';

/**
 * The partition with the layouts of a log. Its page `n` is the layout after `n` changes. No aggregate type has this
 * name.
 */
export const LAYOUTS = ':layouts';

const SINGLE: LogLayout = { strategy: 'single', partitions: [WHOLE] };

const layoutPage = z.object({
  strategy: z.enum(['by_aggregate_type', 'sharded']),
  shards: z.int().positive().exactOptional(),
  /** The partitions of the previous layout, which end here. */
  closes: z.array(z.string()).min(1),
});

/** The storage of a log and its event types. */
export interface StoredLog {
  readonly storage: LogStorage;
  readonly catalogue: Catalogue;
}

/**
 * All layouts of a log, from the single chain to the current layout. A page put here changes the layout; the first
 * writer decides. Every chain of the previous layout is then closed. Every reader reads all of a layout before the next
 * layout.
 */
export class LogLayouts {
  readonly #storage: LogStorage;
  readonly #catalogue: Catalogue;
  #known: readonly LogLayout[] | undefined;
  /** Whether an earlier version divided the log by type without stored layouts; undefined before the first check. */
  #isOld: boolean | undefined;

  constructor({ storage, catalogue }: StoredLog) {
    this.#storage = storage;
    this.#catalogue = catalogue;
  }

  /** All layouts at the last read. */
  async known(): Promise<readonly LogLayout[]> {
    return this.#known ?? this.read();
  }

  /** Reads all layouts. @throws UnavailableError @throws CorruptDataError */
  async read(): Promise<readonly LogLayout[]> {
    const pages = await Array.fromAsync(this.#storage.read(LAYOUTS, { after: 0, consistent: true }));
    const stored = pages.length > 0 ? layoutsIn(pages, this.#catalogue) : undefined;
    this.#known = stored ?? ((await this.#isDividedOld()) ? [SINGLE, this.#byType()] : [SINGLE]);
    return this.#known;
  }

  /** The layout of a number; an unknown number is read from the storage. Undefined when there is no such layout. */
  async at(number: number): Promise<LogLayout | undefined> {
    const layout = (await this.known())[number];
    if (layout) return layout;
    if (this.#isOld === false) this.#isOld = undefined;
    return (await this.read())[number];
  }

  /** Whether a known layout follows a layout. */
  isPast(number: number): boolean {
    return this.#known !== undefined && number < this.#known.length - 1;
  }

  /** Puts the next layout. @returns false when the number is taken */
  async add(number: number, next: LogLayout, now: string): Promise<boolean> {
    const layouts = await this.read();
    const closes = layouts[number - 1]?.partitions ?? [];
    return (await this.#storage.put(pageOf(number, next, closes, now))) === undefined;
  }

  /** Stores the layouts of a log that an earlier version divided. */
  async keep(now: string): Promise<void> {
    if (this.#isOld) await this.#storage.put(pageOf(1, this.#byType(), SINGLE.partitions, now));
  }

  async #isDividedOld(): Promise<boolean> {
    this.#isOld ??= await isDividedOld(this.#storage, this.#catalogue);
    return this.#isOld;
  }

  #byType(): LogLayout {
    return layoutOf({ strategy: 'by_aggregate_type' }, this.#catalogue);
  }
}

/** Every present and former partition of a log, and the partitions that an earlier version may have written. */
export async function allPartitions(log: StoredLog): Promise<readonly string[]> {
  const layouts = await new LogLayouts(log).read();
  return [...new Set([...layouts.flatMap(({ partitions }) => partitions), ...log.catalogue.aggregateTypes])];
}

/** The layouts in pages of {@link LAYOUTS}. @throws CorruptDataError on an unreadable page */
export function layoutsIn(pages: readonly LogPage[], catalogue: Catalogue): readonly LogLayout[] {
  const layouts: LogLayout[] = [SINGLE];
  for (const page of pages) {
    const { closes, ...partitioning } = parsed(page);
    const before = layouts.at(-1) ?? SINGLE;
    layouts.splice(-1, 1, { ...before, partitions: closes }, layoutOf(partitioning, catalogue));
  }
  return layouts;
}

function parsed(page: LogPage): z.output<typeof layoutPage> {
  try {
    return layoutPage.parse(JSON.parse(pageText(page.body).toString()));
  } catch (cause) {
    throw new CorruptDataError(`layout ${page.page} of the log cannot be read; restore the log from a backup`, {
      cause,
    });
  }
}

function pageOf(number: number, { strategy, partitions }: LogLayout, closes: readonly string[], now: string): LogPage {
  const text = { strategy, ...(strategy === 'sharded' ? { shards: partitions.length } : {}), closes };
  return {
    ...{ partition: LAYOUTS, page: number, firstEvent: 1, count: 0, types: [], latenessMs: 0 },
    ...{ firstRecordedAt: now, through: now, appendedAt: now },
    body: plainPage(Buffer.from(JSON.stringify(text))),
  };
}

/** A log that an earlier version divided has a closing page in its single chain, or pages of an aggregate type. */
async function isDividedOld(storage: LogStorage, { aggregateTypes }: Catalogue): Promise<boolean> {
  const whole = await storage.last(WHOLE);
  if (whole && isClosing(whole)) return true;
  const divided = await Promise.all(aggregateTypes.map(async (partition) => storage.last(partition)));
  return divided.some((page) => page !== undefined);
}
