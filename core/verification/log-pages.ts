import { CorruptDataError } from '../base/errors.ts';
import type { LogArchive } from '../log/archive.ts';
import type { LogPage } from '../log/page.ts';
import type { LogStorage } from '../log/storage.ts';

/** The storage and the archive of the log. */
export interface LogPlaces {
  readonly storage: LogStorage;
  readonly archive: Pick<LogArchive, 'read' | 'segmentFrom'>;
}

/** A page, or the fault at pages `from` to `to`. */
export type SeenPage =
  | { readonly page: LogPage }
  | { readonly from: number; readonly to: number; readonly kind: 'missing' | 'unreadable'; readonly detail: string };

const BATCH = 32;
const absent = (from: number, to: number): SeenPage => ({
  ...{ from, to, kind: 'missing' },
  detail: 'neither the storage nor the archive has it',
});

/**
 * All pages of a partition from a number on, from storage and archive. It continues after damaged and missing pages.
 */
export async function* seePages(places: LogPlaces, partition: string, from: number): AsyncGenerator<SeenPage> {
  const { storage, archive } = places;
  let expected = from;
  for (let limit = BATCH; ; ) {
    try {
      let read = 0;
      for await (const page of storage.read(partition, { after: expected - 1, limit, consistent: true })) {
        if (page.page > expected) yield* seeArchived(archive, partition, expected, page.page);
        yield { page };
        expected = page.page + 1;
        read += 1;
      }
      if (read < limit) break;
      limit = BATCH;
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      if (limit === 1) {
        yield { from: expected, to: expected, kind: 'unreadable', detail: error.message };
        if (expected >= (await lastNumber(storage, partition))) break;
        expected += 1;
      }
      limit = 1;
    }
  }
  const beyond = await segmentFrom(archive, partition, expected);
  if (beyond) yield* seeArchived(archive, partition, expected, beyond.lastPage + 1);
}

async function* seeArchived(archive: LogPlaces['archive'], partition: string, from: number, before: number) {
  for (let next = from; next < before; ) {
    const segment = await segmentFrom(archive, partition, next);
    if (!segment || segment.firstPage >= before) {
      yield absent(next, before - 1);
      return;
    }
    if (segment.firstPage > next) yield absent(next, segment.firstPage - 1);
    next = Math.max(next, segment.firstPage);
    const end = Math.min(segment.lastPage, before - 1);
    try {
      for await (const page of archive.read(partition, next)) {
        if (page.page > end) break;
        yield { page } satisfies SeenPage;
        next = page.page + 1;
      }
      if (next <= end) yield absent(next, end);
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      yield { from: next, to: end, kind: 'unreadable', detail: error.message } satisfies SeenPage;
    }
    next = end + 1;
  }
}

/** Undefined also for an unreadable manifest. Its pages are then reported as missing. */
async function segmentFrom(archive: LogPlaces['archive'], partition: string, page: number) {
  try {
    return await archive.segmentFrom(partition, page);
  } catch (error) {
    if (error instanceof CorruptDataError) return undefined;
    throw error;
  }
}

async function lastNumber(storage: LogStorage, partition: string): Promise<number> {
  try {
    return (await storage.last(partition))?.page ?? 0;
  } catch (error) {
    if (error instanceof CorruptDataError) return 0;
    throw error;
  }
}
