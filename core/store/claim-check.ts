import { hash, webcrypto } from 'node:crypto';
import * as z from 'zod';
import { CLAIM_CODEC, type Commit, MAX_COMMIT_BYTES, unpacked } from './commit.ts';
import type { Change, CommitRange, CommitStorage, Obstacles, Put, TransactionMark } from './commit-storage.ts';
import type { ObjectStore } from './object-store.ts';
import { RecentCommits } from './recent-commits.ts';
import type { Tagging } from './tags.ts';

/** Most bytes of a commit, encoded, that has its body in an object. */
export const MAX_CLAIMED_BYTES = 6 * 1024 * 1024;

/** Most bytes of bodies within a change: under DynamoDB's 4 MB for a transaction, with room for the rest of the items. */
const MAX_CHANGE_BYTES = 3 * 1024 * 1024;

const FOLDER = 'large-events/';

/** What is in the place of a body that lies in an object. */
const claimSchema = z.strictObject({ key: z.string(), bytes: z.int().positive(), sha256: z.string() });
type Claim = z.output<typeof claimSchema>;

/**
 * Keeps the bodies of large commits in an object store, and claims for them in the commits. (The claim check pattern: Hohpe
 * and Woolf, "Enterprise Integration Patterns", 2003.) Whoever reads commits gets them from here, ready to be decoded:
 * with their bodies, large ones decompressed, and those that were delivered a moment ago as they were delivered.
 */
export class ClaimCheck {
  readonly #objects: ObjectStore;
  readonly #recent = new RecentCommits();

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /** Brings the body to its object, then gives the commit with a claim instead. @throws UnavailableError */
  async deposit(commit: Commit): Promise<Commit> {
    const { stream, version, body } = commit;
    const sha256 = await hashOf(body);
    // The place in the stream tells a sweep where to look for the claim, the hash keeps two writers of one place apart.
    const key = `${FOLDER}${stream}/${version}.${sha256}`;
    await this.#objects.put(key, body);
    const claim: Claim = { key, bytes: body.length, sha256 };
    return { ...commit, body: Buffer.concat([Buffer.of(CLAIM_CODEC), Buffer.from(JSON.stringify(claim))]) };
  }

  /**
   * The commit with its body; any other comes back as it is, and so does one whose body is not there or is not what was
   * deposited: decoding it is an error then, which names the commit.
   * @throws UnavailableError
   */
  async redeem(commit: Commit): Promise<Commit> {
    const claim = claimOf(commit);
    if (!claim) return unpacked(commit);
    const body = await this.#objects.get(claim.key);
    if (!body || (await hashOf(body)) !== claim.sha256) return commit;
    return unpacked({ ...commit, body, claim: commit.body });
  }

  /** {@link redeem} for readers: a commit that was delivered a moment ago is the object that was delivered. */
  whole(commit: Commit): Promise<Commit> {
    return this.#recent.find(commit) ?? this.redeem(commit);
  }

  /**
   * {@link redeem} for commits that are delivered: they are kept for a while, so that all consumers, and readers that come
   * soon, share one object and decode it once.
   * @throws UnavailableError
   */
  deliver(commit: Commit): Promise<Commit> {
    return this.#recent.find(commit) ?? this.#recent.keep(commit, this.redeem(commit));
  }

  /**
   * Removes bodies whose commit was never written, because another writer took its place or the process died.
   * Looks at those between an hour and a week of age: younger ones may yet be claimed, older ones were looked at.
   * @param storage as it is, without bodies from objects
   * @param signal ends it early; the next sweep finishes the work
   * @returns the keys of what was removed
   */
  async sweep(storage: Pick<CommitStorage, 'read'>, now: Date, signal?: AbortSignal): Promise<string[]> {
    const removed: string[] = [];
    for await (const { key, modifiedAt } of this.#objects.list(FOLDER)) {
      if (signal?.aborted) break;
      const age = now.getTime() - Date.parse(modifiedAt);
      if (age < SWEEP_FROM_MS || age > SWEEP_TO_MS || (await isClaimed(storage, key))) continue;
      await this.#objects.delete(key);
      removed.push(key);
    }
    return removed;
  }
}

const HOUR_MS = 3_600_000;
const SWEEP_FROM_MS = HOUR_MS;
const SWEEP_TO_MS = 7 * 24 * HOUR_MS;

async function isClaimed(storage: Pick<CommitStorage, 'read'>, key: string): Promise<boolean> {
  const [, stream = '', version] = /^large-events\/([^/]+)\/(\d+)\./.exec(key) ?? [];
  const place = { from: Number(version), to: Number(version), direction: 'forward', startsCommit: true } as const;
  for await (const commit of storage.read(stream, place)) return claimOf(commit)?.key === key;
  return false;
}

/** How many bytes the body of a commit takes where it is stored: in the commit, or in the object that this claims. */
export const storedBytesOf = (commit: Commit): number => claimOf(commit)?.bytes ?? commit.body.length;

/** What is in the place of a commit's body; undefined when the body is in the commit, or the claim cannot be read. */
export function claimOf({ body }: Pick<Commit, 'body'>): Claim | undefined {
  if (body[0] !== CLAIM_CODEC) return undefined;
  try {
    return claimSchema.safeParse(JSON.parse(Buffer.from(body.subarray(1)).toString())).data;
  } catch {
    return undefined;
  }
}

/** From this size on, bytes are hashed by another thread. */
const HASHED_ASIDE_BYTES = 64 * 1024;

async function hashOf(bytes: Uint8Array): Promise<string> {
  if (bytes.length < HASHED_ASIDE_BYTES) return hash('sha256', bytes);
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}

/** A storage that takes commits of up to {@link MAX_CLAIMED_BYTES}, and gives every commit with its body. */
export class LargeCommitStorage implements CommitStorage {
  readonly maxBytes = MAX_CLAIMED_BYTES;
  readonly #storage: CommitStorage;
  readonly #claims: ClaimCheck;

  constructor(storage: CommitStorage, claims: ClaimCheck) {
    this.#storage = storage;
    this.#claims = claims;
  }

  /** The object is there before the commit is: a commit never points to nothing. */
  async put(commit: Commit, given?: ReadonlyMap<string, number>): Promise<Commit | undefined> {
    const isLarge = commit.body.length > MAX_COMMIT_BYTES;
    const occupant = await this.#storage.put(isLarge ? await this.#claims.deposit(commit) : commit, given);
    return occupant && this.#claims.whole(occupant);
  }

  /** As with `put`; and the largest bodies go to objects until the rest fits in a transaction. */
  async transact(change: Change): Promise<Obstacles | undefined> {
    const large = largeIn(change.puts);
    const puts = change.puts.map(async (put) =>
      large.has(put) ? { ...put, commit: await this.#claims.deposit(put.commit) } : put,
    );
    const obstacles = await this.#storage.transact({ ...change, puts: await Promise.all(puts) });
    if (!obstacles) return undefined;
    return { ...obstacles, commits: await Promise.all(obstacles.commits.map((commit) => this.#claims.whole(commit))) };
  }

  findMark(id: string): Promise<TransactionMark | undefined> {
    return this.#storage.findMark(id);
  }

  tagHead(tag: string): Promise<number> {
    return this.#storage.tagHead(tag);
  }

  tagged(tag: string, after: number): AsyncIterable<Tagging> {
    return this.#storage.tagged(tag, after);
  }

  head(stream: string): Promise<number> {
    return this.#storage.head(stream);
  }

  note(unchanged: Commit, expiresAt: Date): Promise<void> {
    return this.#storage.note(unchanged, expiresAt);
  }

  async find(stream: string, commitId: string): Promise<Commit | undefined> {
    const found = await this.#storage.find(stream, commitId);
    return found && this.#claims.whole(found);
  }

  async *read(stream: string, range: CommitRange): AsyncGenerator<Commit> {
    for await (const commit of this.#storage.read(stream, range)) yield await this.#claims.whole(commit);
  }
}

/** The puts whose bodies go to objects. */
function largeIn(puts: readonly Put[]): ReadonlySet<Put> {
  const bytesOf = ({ commit: { body } }: Put) => body.length;
  let left = puts.reduce((sum, put) => sum + bytesOf(put), 0);
  const large = new Set<Put>();
  for (const put of puts.toSorted((a, b) => bytesOf(b) - bytesOf(a))) {
    if (left <= MAX_CHANGE_BYTES && bytesOf(put) <= MAX_COMMIT_BYTES) break;
    large.add(put);
    left -= bytesOf(put);
  }
  return large;
}
