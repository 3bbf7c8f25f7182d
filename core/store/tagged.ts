import { CorruptDataError, TransactionConflictError } from '../base/errors.ts';
import { transactionContention } from '../base/races.ts';
import { assertId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { assertItems } from './change-size.ts';
import { type Commit, decodeCommit } from './commit.ts';
import type { CommitStorage, Put } from './commit-storage.ts';
import type { Draft } from './draft.ts';
import type { Tagging } from './tags.ts';

/** The events of a commit that have a tag. */
export interface TaggedCommit {
  /** The number that the tag gives to the commit. A condition `after` it holds until another event has the tag. */
  readonly number: number;
  readonly events: readonly DomainEvent[];
}

/** Commits that are fetched side by side. */
const COMMITS_AT_ONCE = 10;

/** Appends of a tag by other writers meet here. */
const tagRaces = transactionContention(40);

/** The commits with events of a tag after a number, in order, fetched on demand. @throws InvalidIdError, CorruptDataError */
export async function* taggedIn(
  storage: CommitStorage,
  catalogue: Catalogue,
  { tag, after }: { readonly tag: string; readonly after: number },
): AsyncGenerator<TaggedCommit> {
  const whole = async (entry: Tagging): Promise<TaggedCommit> => {
    const numbers = new Set(entry.sequenceNumbers);
    const events = decodeCommit(await commitAt(storage, entry), catalogue);
    return { number: entry.number, events: events.filter(({ sequenceNumber }) => numbers.has(sequenceNumber)) };
  };
  let portion: Tagging[] = [];
  for await (const entry of storage.tagged(assertId(tag), after)) {
    if (portion.push(entry) < COMMITS_AT_ONCE) continue;
    yield* await Promise.all(portion.map(whole));
    portion = [];
  }
  yield* await Promise.all(portion.map(whole));
}

/** The commit at a place. @throws CorruptDataError when it is not there */
export async function commitAt(
  storage: CommitStorage,
  { stream, version }: { readonly stream: string; readonly version: number },
): Promise<Commit> {
  const range = { from: version, to: version, direction: 'forward', limit: 1, startsCommit: true } as const;
  for await (const commit of storage.read(stream, range)) if (commit.version === version) return commit;
  throw new CorruptDataError(`there is no commit at version ${version} of stream ${stream}`);
}

/**
 * Writes a commit with the entries of its tags, after the newest entry of each. Another event of a tag at the same moment
 * is no conflict: the entries then follow it.
 * @returns the commit that has its place, as {@link CommitStorage.put} does
 */
export function writeTagged(storage: CommitStorage, { tags }: Draft, put: Put): Promise<Commit | undefined> {
  return tagRaces.execute(async () => {
    const heads = new Map(
      await Promise.all([...tags.keys()].map(async (tag) => [tag, await storage.tagHead(tag)] as const)),
    );
    const change = { puts: [put], free: [], entries: taggingsOf(tags, put.commit, heads), freeTags: [] };
    assertItems(change, 'events');
    const obstacles = await storage.transact(change);
    const [occupant] = obstacles?.commits ?? [];
    const [entry] = obstacles?.entries ?? [];
    if (occupant || !entry) return occupant;
    const { tag, number } = entry;
    throw new TransactionConflictError({ tag, expectedVersion: number - 1, actualVersion: number }, [], true);
  });
}

/** The entries of a commit, after the given heads of its tags. Moves the heads on, for the next commit of the change. */
export function taggingsOf(tags: Draft['tags'], { stream, version }: Commit, heads: Map<string, number>): Tagging[] {
  return [...tags].map(([tag, indices]) => {
    const number = (heads.get(tag) ?? 0) + 1;
    heads.set(tag, number);
    return { tag, number, stream, version, sequenceNumbers: indices.map((index) => version + index) };
  });
}
