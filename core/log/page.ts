import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from 'node:zlib';
import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import { type Commit, commitJson, plainBody } from '../store/commit.ts';

/**
 * A part of the log: commits of many streams in one order, stored as one item. The pages of a partition form a chain
 * without gaps.
 */
export interface LogPage {
  readonly partition: string;
  /** Counts from 1 in its partition, without gaps. */
  readonly page: number;
  /** Number of the page's first event in the partition; counts from 1, without gaps. */
  readonly firstEvent: number;
  /** Number of events; the next page begins with event `firstEvent + count`. 0 for the page that closes a chain. */
  readonly count: number;
  /** The earliest `recordedAt` of a commit in the page. */
  readonly firstRecordedAt: string;
  /** The latest `recordedAt` in this page and all earlier pages. It never falls along the chain. */
  readonly through: string;
  /** Most milliseconds by which a commit in this or an earlier page was older than the `through` of the page before. */
  readonly latenessMs: number;
  /**
   * The time of the append: the writer's clock, or the time of the page before if that is later. It never falls along
   * the chain.
   */
  readonly appendedAt: string;
  /**
   * The event types in the page, each once. Empty when a commit in the page is damaged, so that no reader skips the
   * page.
   */
  readonly types: readonly string[];
  /** A codec byte, then the commits. See {@link packCommits}. */
  readonly body: Uint8Array;
}

/** The commits of one page, encoded. */
export interface PackedCommits {
  readonly commits: readonly Commit[];
  readonly body: Uint8Array;
}

/**
 * Most bytes of a page's body: under DynamoDB's 400 KB for an item, with room for the other attributes. A single commit
 * always fits.
 */
export const MAX_PAGE_BYTES = 392 * 1024;
/** Most bytes of a page with several commits before compression, so that a reader can hold some pages at once. */
const FULL_PAGE_BYTES = 1024 * 1024;
/** Text over this many bytes is compressed by another thread: 64 KB take about 2 ms. */
const COMPRESSED_ASIDE_BYTES = 64 * 1024;
/** Most bytes of a decompressed page: a full page and one commit of the largest size, with a margin. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

const Codec = { text: 0, deflate: 1 } as const;
const EVENTS = Buffer.from(',"events":');
const NEWLINE = 0x0a;

/**
 * Packs commits into as few pages as possible, in their order. The text of a page has a line for each commit, a JSON
 * object. Compressed together (raw deflate, level 6), events take about an eighth of their size.
 */
export async function packCommits(commits: readonly Commit[]): Promise<PackedCommits[]> {
  const pages: PackedCommits[] = [];
  let taken: { commit: Commit; line: Buffer }[] = [];
  let bytes = 0;
  for (const commit of commits) {
    const line = lineOf(commit);
    if (bytes + line.length > FULL_PAGE_BYTES && taken.length > 0) {
      pages.push(...(await pack(taken)));
      taken = [];
      bytes = 0;
    }
    taken.push({ commit, line });
    bytes += line.length;
  }
  return taken.length > 0 ? [...pages, ...(await pack(taken))] : pages;
}

const deflateAside = promisify(deflateRaw);

async function pack(lines: readonly { commit: Commit; line: Buffer }[]): Promise<PackedCommits[]> {
  const text = Buffer.concat(lines.map(({ line }) => line));
  const options = { level: 6 };
  const packed =
    text.length > COMPRESSED_ASIDE_BYTES ? await deflateAside(text, options) : deflateRawSync(text, options);
  const body = Buffer.concat([Buffer.of(Codec.deflate), packed]);
  if (body.length <= MAX_PAGE_BYTES || lines.length === 1) {
    return [{ commits: lines.map(({ commit }) => commit), body }];
  }
  const half = Math.ceil(lines.length / 2);
  return [...(await pack(lines.slice(0, half))), ...(await pack(lines.slice(half)))];
}

/**
 * A commit as a line of JSON. Its events are copied as bytes. A body that is no JSON is kept as base64, so that nothing
 * is lost.
 */
function lineOf({ claim, body: events, ...header }: Commit): Buffer {
  const body = claim ?? events;
  let json: Uint8Array;
  try {
    json = commitJson({ ...header, body });
  } catch {
    return Buffer.from(`${JSON.stringify({ ...header, body: Buffer.from(body).toString('base64') })}\n`);
  }
  const start = JSON.stringify(header).slice(0, -1);
  return Buffer.concat([Buffer.from(start), EVENTS, json, Buffer.from('}\n')]);
}

const lineHeader = z.object({
  stream: z.string(),
  version: z.int().positive(),
  count: z.int().positive(),
  commitId: z.string(),
  keyed: z.boolean(),
  recordedAt: z.string(),
  types: z.array(z.string()),
  trace: z.string().exactOptional(),
  transaction: z.object({ id: z.string(), size: z.int().positive() }).exactOptional(),
  body: z.string().exactOptional(),
});

type PageBody = Pick<LogPage, 'partition' | 'page' | 'count' | 'body'>;

/**
 * The commits of a page, as they were appended. Their events are not decoded.
 * @throws CorruptDataError that names the page when its body cannot be read
 */
export function commitsOf(page: PageBody): Commit[] {
  try {
    return checked(page, [...commitsIn(pageText(page.body))]);
  } catch (cause) {
    throw unreadable(page, cause);
  }
}

/**
 * {@link commitsOf} for readers in a process with requests: it yields to the event loop in between. @throws
 * CorruptDataError
 */
export async function readCommits(page: PageBody): Promise<Commit[]> {
  try {
    const commits: Commit[] = [];
    for (const commit of commitsIn(await readText(page.body))) {
      if (commits.push(commit) % TAKEN_AT_ONCE === 0) await turn();
    }
    return checked(page, commits);
  } catch (cause) {
    throw unreadable(page, cause);
  }
}

/** Lines of a page that are parsed between two turns of the event loop: under half a millisecond. */
const TAKEN_AT_ONCE = 32;
/**
 * Another thread decompresses bodies from this size on. For smaller bodies the hand-over takes longer than the work.
 */
const LARGE_BODY_BYTES = 32 * 1024;

const inflateAside = promisify(inflateRaw);

async function readText(body: Uint8Array): Promise<Buffer> {
  if (body.length < LARGE_BODY_BYTES || body[0] !== Codec.deflate) return pageText(body);
  return inflateAside(body.subarray(1), { maxOutputLength: MAX_TEXT_BYTES });
}

function checked(page: PageBody, commits: Commit[]): Commit[] {
  const count = commits.reduce((sum, commit) => sum + commit.count, 0);
  if (count !== page.count) throw new Error(`${count} events in a page of ${page.count}`);
  return commits;
}

const unreadable = ({ page, partition }: PageBody, cause: unknown) =>
  new CorruptDataError(`page ${page} of the log's partition ${partition} cannot be read`, { cause });

/** The text of a page: a line of JSON for each commit. @throws Error when the body cannot be read */
export function pageText(body: Uint8Array): Buffer {
  const bytes = Buffer.from(body.buffer, body.byteOffset + 1, body.length - 1);
  if (body[0] === Codec.deflate) return inflateRawSync(bytes, { maxOutputLength: MAX_TEXT_BYTES });
  if (body[0] === Codec.text) return bytes;
  throw new Error('unknown codec');
}

/**
 * {@link pageText} in a process with requests: another thread decompresses large pages.
 * @throws CorruptDataError that names the page
 */
export async function readPageText(page: PageBody): Promise<Buffer> {
  try {
    return await readText(page.body);
  } catch (cause) {
    throw unreadable(page, cause);
  }
}

/** A page's body with its text, uncompressed. */
export const plainPage = (text: Uint8Array): Uint8Array => Buffer.concat([Buffer.of(Codec.text), text]);

function* commitsIn(text: Buffer): Generator<Commit> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf(NEWLINE, start);
    if (end < 0) throw new Error('the last line has no end');
    yield commitOf(text.subarray(start, end));
    start = end + 1;
  }
}

/** The text before the first `,"events":` is the header. Inside a JSON string these quotes would have backslashes. */
function commitOf(line: Buffer): Commit {
  const split = line.indexOf(EVENTS);
  const header = split < 0 ? line.toString() : `${line.toString('utf8', 0, split)}}`;
  const { body, ...commit } = lineHeader.parse(JSON.parse(header));
  if (split < 0) return { ...commit, body: Buffer.from(body ?? '', 'base64') };
  return { ...commit, body: plainBody(line.subarray(split + EVENTS.length, -1)) };
}
