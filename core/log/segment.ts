import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import { type LogPage, plainPage } from './page.ts';

const count = z.int().nonnegative();
const positive = z.int().positive();

/** The header of a page, and the length of its text in the segment. */
const archivedPage = z.object({
  page: positive,
  firstEvent: positive,
  count: positive,
  firstRecordedAt: z.string(),
  through: z.string(),
  latenessMs: count,
  appendedAt: z.string(),
  types: z.array(z.string()),
  bytes: count,
});

/** The manifest of a segment, format 1. It lists the pages and proves that the segment is unchanged. */
export const segmentManifest = z.object({
  format: z.literal(1),
  partition: z.string(),
  firstPage: positive,
  lastPage: positive,
  events: positive,
  /** The key of the segment; its size and hash follow. */
  key: z.string(),
  bytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  compression: z.enum(['gzip', 'none']),
  /** Hash of the previous manifest in the partition. It reveals a removed or changed manifest. */
  previous: z.string().nullable(),
  archivedAt: z.string(),
  pages: z.array(archivedPage).min(1),
});
export type SegmentManifest = z.output<typeof segmentManifest>;

/** A page and its decompressed text. */
export interface PageText {
  readonly page: LogPage;
  readonly text: Uint8Array;
}

const gzipAside = promisify(gzip);
const gunzipAside = promisify(gunzip);
/** Bytes that are hashed between two turns of the event loop: about a millisecond. */
const HASHED_AT_ONCE = 512 * 1024;

/** The SHA-256 of some bytes, in hexadecimal. It yields to the event loop in between. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length; start += HASHED_AT_ONCE) {
    await turn();
    hash.update(bytes.subarray(start, start + HASHED_AT_ONCE));
  }
  return hash.digest('hex');
}

/** The bytes of a segment: the lines of its pages, a JSON object for each commit. It can be read without Annals. */
export async function encodeSegment(
  pages: readonly PageText[],
  compression: SegmentManifest['compression'],
): Promise<Uint8Array> {
  const text = Buffer.concat(pages.map((page) => page.text));
  return compression === 'gzip' ? gzipAside(text, { level: 9 }) : text;
}

/** The list of pages in a manifest. */
export const listedPages = (pages: readonly PageText[]): SegmentManifest['pages'] =>
  pages.map(({ page: { partition: _, body: _body, types, ...page }, text }) => ({
    ...page,
    types: [...types],
    bytes: text.length,
  }));

type Numbered = Pick<LogPage, 'page' | 'firstEvent' | 'count'>;

/**
 * Checks that pages follow each other: each has the next number and begins with the next event.
 * @param before the page before the first page; absent for the first page of a partition
 * @param of the checked object, for the message
 * @throws CorruptDataError that names `of` and the first misplaced page
 */
export function assertInOrder(pages: readonly Numbered[], before: Numbered | undefined, of: string): void {
  let [page, event] = before ? [before.page + 1, before.firstEvent + before.count] : [1, 1];
  for (const found of pages) {
    if (found.page !== page || found.firstEvent !== event) {
      const place = `page ${found.page} with event ${found.firstEvent}`;
      throw new CorruptDataError(`${of}: ${place} stands where page ${page} with event ${event} has to be`);
    }
    [page, event] = [page + 1, event + found.count];
  }
}

/**
 * The pages of a segment.
 * @throws CorruptDataError that names the segment when it is missing, differs from its manifest, or its pages do not
 *   follow each other
 */
export async function decodeSegment(manifest: SegmentManifest, bytes: Uint8Array | undefined): Promise<LogPage[]> {
  const { key, partition } = manifest;
  if (!bytes) throw new CorruptDataError(`segment ${key} of the log is missing; restore it from a backup`);
  if ((await sha256(bytes)) !== manifest.sha256) {
    throw new CorruptDataError(`segment ${key} of the log is damaged: its hash is not the one in its manifest`);
  }
  assertWhole(manifest);
  const text = await textOf(manifest, bytes);
  let start = 0;
  const pages: LogPage[] = [];
  for (const { bytes: length, ...page } of manifest.pages) {
    pages.push({ ...page, partition, body: plainPage(text.subarray(start, start + length)) });
    start += length;
    await turn();
  }
  return pages;
}

/** @throws CorruptDataError when the totals of a manifest differ from its list of pages */
function assertWhole({ key, firstPage, lastPage, events, pages: [first, ...rest], pages }: SegmentManifest): void {
  if (first) assertInOrder(rest, first, `segment ${key} of the log`);
  const listed = pages.reduce((sum, page) => sum + page.count, 0);
  if (first?.page === firstPage && pages.at(-1)?.page === lastPage && listed === events) return;
  throw new CorruptDataError(`the manifest of segment ${key} of the log lists pages that differ from its totals`);
}

/** @returns undefined for bytes that are no gzip, or longer than `length` */
async function gunzipped(bytes: Uint8Array, length: number): Promise<Uint8Array | undefined> {
  try {
    return await gunzipAside(bytes, { maxOutputLength: Math.max(length, 1) });
  } catch {
    return undefined;
  }
}

async function textOf({ key, compression, pages }: SegmentManifest, bytes: Uint8Array): Promise<Uint8Array> {
  const length = pages.reduce((sum, page) => sum + page.bytes, 0);
  const text = compression === 'gzip' ? await gunzipped(bytes, length) : bytes;
  if (text?.length === length) return text;
  throw new CorruptDataError(`segment ${key} of the log lacks the ${length} bytes of text that its manifest lists`);
}
