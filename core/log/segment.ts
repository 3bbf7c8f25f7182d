import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { type LogPage, pageText, plainPage } from './page.ts';

const count = z.int().nonnegative();
const positive = z.int().positive();

/** What a page says of itself, and where its text is in the segment's. */
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

/** What is known of a segment, and proves that it is what was archived. Of format 1. */
export const segmentManifest = z.object({
  format: z.literal(1),
  partition: z.string(),
  firstPage: positive,
  lastPage: positive,
  events: positive,
  /** Where the segment is, and what of it has to be so. */
  key: z.string(),
  bytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  compression: z.enum(['gzip', 'none']),
  /** Hash of the manifest before this one in the partition, so that none can be taken out or changed unseen. */
  previous: z.string().nullable(),
  archivedAt: z.string(),
  pages: z.array(archivedPage).min(1),
});
export type SegmentManifest = z.output<typeof segmentManifest>;

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes of a segment: the lines of its pages, a JSON object for each commit, so that it can be read without Annals. */
export function encodeSegment(pages: readonly LogPage[], compression: SegmentManifest['compression']): Uint8Array {
  const text = Buffer.concat(pages.map(({ body }) => pageText(body)));
  return compression === 'gzip' ? gzipSync(text, { level: 9 }) : text;
}

/** Pages as a manifest lists them. */
export const listedPages = (pages: readonly LogPage[]): SegmentManifest['pages'] =>
  pages.map(({ partition: _, body, types, ...page }) => ({ ...page, types: [...types], bytes: pageText(body).length }));

/**
 * The pages of a segment.
 * @throws CorruptDataError that names the segment when it is missing or not what its manifest says
 */
export function decodeSegment(manifest: SegmentManifest, bytes: Uint8Array | undefined): LogPage[] {
  const { key, partition, compression } = manifest;
  if (!bytes) throw new CorruptDataError(`segment ${key} of the log is missing; restore it from a backup`);
  if (sha256(bytes) !== manifest.sha256) {
    throw new CorruptDataError(`segment ${key} of the log is damaged: its hash is not the one in its manifest`);
  }
  const text = compression === 'gzip' ? gunzipSync(bytes) : bytes;
  let start = 0;
  return manifest.pages.map(({ bytes: length, ...page }) => {
    const body = plainPage(text.subarray(start, start + length));
    start += length;
    return { ...page, partition, body };
  });
}
