import { CorruptDataError } from '../base/errors.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type ArchivedPages, missing } from './chain.ts';
import type { LogPage } from './page.ts';
import {
  assertInOrder,
  decodeSegment,
  encodeSegment,
  listedPages,
  type PageText,
  type SegmentManifest,
  segmentManifest,
  sha256,
} from './segment.ts';

/** Digits of a page number in a key. With leading zeros, keys sort like their numbers. */
const DIGITS = 12;
const padded = (page: number) => String(page).padStart(DIGITS, '0');
const manifests = (partition: string) => `log/manifests/${partition}/`;

interface Found {
  readonly manifest: SegmentManifest;
  readonly hash: string;
}

/**
 * Pages of the log as objects: segments of many pages, and a manifest for each segment. One list request for one key
 * finds the manifest of a page number. The manifest is written last; without a manifest a segment does not count.
 */
export class LogArchive implements ArchivedPages {
  readonly #objects: ObjectStore;
  /** The last segment that was read. Several readers at once go through it page by page. */
  #recent: { readonly found: Found; readonly pages: Promise<readonly LogPage[]> } | undefined;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  async *read(partition: string, page: number): AsyncGenerator<LogPage> {
    const found = await this.#find(partition, page);
    if (!found) return;
    for (const archived of await this.#pagesOf(found)) if (archived.page >= page) yield archived;
  }

  async seek(partition: string, recordedAt: string, first: number, last: number): Promise<LogPage | undefined> {
    let [low, high] = [first, last];
    let found: Found | undefined;
    while (low <= high) {
      const page = Math.floor((low + high) / 2);
      const middle = await this.#find(partition, page);
      if (!middle) throw missing(partition, page, last + 1);
      const { pages, firstPage, lastPage } = middle.manifest;
      if ((pages.at(-1)?.through ?? '') < recordedAt) low = lastPage + 1;
      else {
        found = middle;
        high = firstPage - 1;
      }
    }
    if (!found) return undefined;
    const pages = await this.#pagesOf(found);
    return pages.find(({ page, through }) => page >= first && page <= last && through >= recordedAt);
  }

  /**
   * The number of the first page from `page` on that is in no segment. @throws CorruptDataError on a damaged manifest
   */
  async firstMissing(partition: string, page: number): Promise<number> {
    let next = page;
    for (let found = await this.#find(partition, next); found; found = await this.#find(partition, next)) {
      next = found.manifest.lastPage + 1;
    }
    return next;
  }

  /**
   * The numbers of the first and the last page of the first segment with this page or a later page.
   * @throws CorruptDataError on a damaged manifest
   */
  async segmentFrom(partition: string, page: number): Promise<{ firstPage: number; lastPage: number } | undefined> {
    return (await this.#from(partition, page))?.manifest;
  }

  /**
   * Whether the archive has exactly this page; undefined when no segment has its number.
   * @throws CorruptDataError on a damaged manifest
   */
  async has(page: LogPage): Promise<boolean | undefined> {
    const found = await this.#find(page.partition, page.page);
    const archived = found?.manifest.pages.find((listed) => listed.page === page.page);
    return archived && MARKS.every((name) => archived[name] === page[name]);
  }

  /**
   * Writes the pages after the archived pages as a segment, reads the segment back and compares it. Only then it writes
   * the manifest. A second call with the same pages has no effect.
   * @throws CorruptDataError when the pages do not follow each other and the archived pages, or when the segment read
   *   back differs; no page counts as archived then
   */
  async write(pages: readonly PageText[], compression: SegmentManifest['compression'], now: Date): Promise<void> {
    const [first, last] = [pages.at(0)?.page, pages.at(-1)?.page];
    if (!first || !last) return;
    const { partition } = first;
    const before = first.page === 1 ? undefined : await this.#find(partition, first.page - 1);
    const archived = before?.manifest.pages.find(({ page }) => page === first.page - 1);
    assertInOrder(
      pages.map(({ page }) => page),
      archived,
      `the log's partition ${partition} cannot be archived`,
    );
    const bytes = await encodeSegment(pages, compression);
    const hash = await sha256(bytes);
    const end = compression === 'gzip' ? '.ndjson.gz' : '.ndjson';
    const manifest: SegmentManifest = {
      format: 1,
      partition,
      firstPage: first.page,
      lastPage: last.page,
      events: pages.reduce((sum, { page: { count } }) => sum + count, 0),
      key: `log/segments/${partition}/${padded(last.page)}-${hash.slice(0, 12)}${end}`,
      bytes: bytes.length,
      sha256: hash,
      compression,
      previous: before?.hash ?? null,
      archivedAt: now.toISOString(),
      pages: listedPages(pages),
    };
    await this.#objects.put(manifest.key, bytes);
    assertSame(pages, await decodeSegment(manifest, await this.#objects.get(manifest.key)), manifest.key);
    const json = Buffer.from(JSON.stringify(manifest));
    const key = `${manifests(partition)}${padded(last.page)}.json`;
    if (await this.#objects.put(key, json, { ifAbsent: true })) return;
    if ((await this.#manifest(key))?.manifest.sha256 !== hash) throw foreign(partition, last.page);
  }

  /** The segment with a page. */
  async #find(partition: string, page: number): Promise<Found | undefined> {
    const found = await this.#from(partition, page);
    return found && found.manifest.firstPage <= page ? found : undefined;
  }

  /** The first segment whose last page is not before a page. */
  async #from(partition: string, page: number): Promise<Found | undefined> {
    const prefix = manifests(partition);
    for await (const { key } of this.#objects.list(prefix, { after: `${prefix}${padded(page - 1)}.json` })) {
      return this.#manifest(key);
    }
    return undefined;
  }

  async #manifest(key: string): Promise<Found | undefined> {
    const bytes = await this.#objects.get(key);
    if (!bytes) return undefined;
    try {
      return { manifest: segmentManifest.parse(JSON.parse(Buffer.from(bytes).toString())), hash: await sha256(bytes) };
    } catch (cause) {
      throw new CorruptDataError(`the manifest ${key} of the log cannot be read; restore it from a backup`, { cause });
    }
  }

  /**
   * @throws CorruptDataError when the segment differs from its manifest, or the manifest does not follow the previous
   *   one
   */
  #pagesOf(found: Found): Promise<readonly LogPage[]> {
    if (this.#recent?.found.hash === found.hash) return this.#recent.pages;
    const pages = this.#load(found, this.#recent?.found);
    this.#recent = { found, pages };
    pages.catch(() => {
      if (this.#recent?.pages === pages) this.#recent = undefined;
    });
    return pages;
  }

  async #load(found: Found, recent: Found | undefined): Promise<readonly LogPage[]> {
    await this.#assertFollows(found, recent);
    return decodeSegment(found.manifest, await this.#objects.get(found.manifest.key));
  }

  /**
   * A manifest holds the hash of the previous manifest. A missing or damaged manifest is reported by its own readers.
   */
  async #assertFollows({ manifest }: Found, recent: Found | undefined): Promise<void> {
    const { partition, firstPage, previous, pages, key } = manifest;
    if (firstPage === 1) return;
    const isRecent = recent?.manifest.partition === partition && recent.manifest.lastPage === firstPage - 1;
    const before = isRecent ? recent : await this.#find(partition, firstPage - 1).catch(ignoreDamage);
    if (!before) return;
    const last = before.manifest.pages.at(-1);
    assertInOrder(pages, last, `segment ${key} of the log`);
    if (before.hash === previous) return;
    throw new CorruptDataError(
      `segment ${key} of the log does not follow ${before.manifest.key}: one of their manifests was changed; restore both from a backup`,
    );
  }
}

/** Members that distinguish a page from another page of the same number. */
const MARKS = ['firstEvent', 'count', 'firstRecordedAt', 'through', 'appendedAt'] as const;

/**
 * The error for an archive with pages of another history: the events were restored to a moment before the archiving.
 */
export const foreign = (partition: string, page: number): CorruptDataError =>
  new CorruptDataError(
    `the archive has another page ${page} of the log's partition ${partition}, of a history before a restore; move the manifests in ${manifests(partition)} from ${padded(page)}.json on to another place`,
  );

function ignoreDamage(error: unknown): undefined {
  if (error instanceof CorruptDataError) return undefined;
  throw error;
}

function assertSame(pages: readonly PageText[], archived: readonly LogPage[], key: string): void {
  const same = pages.every(({ page, text }, index) => {
    const other = archived[index];
    return other?.page === page.page && Buffer.compare(other.body.subarray(1), text) === 0;
  });
  if (!same) throw new CorruptDataError(`segment ${key} of the log does not read back as it was written`);
}
