import { createHash } from 'node:crypto';
import * as z from 'zod';
import { CLAIM_CODEC, type Commit, MAX_COMMIT_BYTES } from './commit.ts';
import type { CommitRange, CommitStorage } from './commit-storage.ts';
import type { ObjectStore } from './object-store.ts';

/** Most bytes of a commit, encoded, that has its body in an object. */
export const MAX_CLAIMED_BYTES = 6 * 1024 * 1024;

const FOLDER = 'large-events/';

/** What is in the place of a body that lies in an object. */
const claimSchema = z.strictObject({ key: z.string(), bytes: z.int().positive(), sha256: z.string() });
type Claim = z.output<typeof claimSchema>;

/**
 * Keeps the bodies of large commits in an object store, and claims for them in the commits. (The claim check pattern: Hohpe
 * and Woolf, "Enterprise Integration Patterns", 2003.)
 */
export class ClaimCheck {
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /** Brings the body to its object, then gives the commit with a claim instead. @throws UnavailableError */
  async deposit(commit: Commit): Promise<Commit> {
    const { stream, version, body } = commit;
    const sha256 = hashOf(body);
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
    const body = claim && (await this.#objects.get(claim.key));
    return body && hashOf(body) === claim.sha256 ? { ...commit, body, claim: commit.body } : commit;
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

/** What is in the place of a commit's body; undefined when the body is in the commit, or the claim cannot be read. */
export function claimOf({ body }: Pick<Commit, 'body'>): Claim | undefined {
  if (body[0] !== CLAIM_CODEC) return undefined;
  try {
    return claimSchema.safeParse(JSON.parse(Buffer.from(body.subarray(1)).toString())).data;
  } catch {
    return undefined;
  }
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

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
    return occupant && this.#claims.redeem(occupant);
  }

  head(stream: string): Promise<number> {
    return this.#storage.head(stream);
  }

  note(unchanged: Commit, expiresAt: Date): Promise<void> {
    return this.#storage.note(unchanged, expiresAt);
  }

  async find(stream: string, commitId: string): Promise<Commit | undefined> {
    const found = await this.#storage.find(stream, commitId);
    return found && this.#claims.redeem(found);
  }

  async *read(stream: string, range: CommitRange): AsyncGenerator<Commit> {
    for await (const commit of this.#storage.read(stream, range)) yield await this.#claims.redeem(commit);
  }
}
