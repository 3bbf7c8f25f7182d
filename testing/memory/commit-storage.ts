import { EventIdTakenError } from '../../core/base/errors.ts';
import { type Commit, endOf } from '../../core/store/commit.ts';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../core/store/commit-scan.ts';
import type {
  Change,
  CommitRange,
  CommitStorage,
  Obstacles,
  Put,
  TransactionMark,
} from '../../core/store/commit-storage.ts';
import type { Tagging, TagPlace } from '../../core/store/tags.ts';

/** A simple storage of commits in a Map, for unit tests. */
export class MemoryCommitStorage implements CommitStorage, CommitScan {
  readonly #streams = new Map<string, Map<number, Commit>>();

  readonly #ids = new Map<string, Map<string, number>>();
  readonly #notes = new Map<string, Commit>();
  readonly #tags = new Map<string, Tagging[]>();
  readonly #marks = new Map<string, TransactionMark>();

  async put(commit: Commit, given: ReadonlyMap<string, number> = new Map()): Promise<Commit | undefined> {
    const change = { puts: [{ commit, given }], free: [], entries: [], freeTags: [] };
    return this.#transact(change)?.commits[0];
  }

  async transact(change: Change): Promise<Obstacles | undefined> {
    return this.#transact(change);
  }

  async findMark(id: string): Promise<TransactionMark | undefined> {
    return this.#marks.get(id);
  }

  async tagHead(tag: string): Promise<number> {
    return this.#tags.get(tag)?.length ?? 0;
  }

  async *tagged(tag: string, after: number): AsyncGenerator<Tagging> {
    yield* this.#tags.get(tag)?.slice(after) ?? [];
  }

  #transact({ puts, free, entries, freeTags, mark }: Change): Obstacles | undefined {
    const places = [...puts.map(({ commit }) => commit), ...free];
    const commits = places.flatMap(({ stream, version }) => this.#streams.get(stream)?.get(version) ?? []);
    const numbers: TagPlace[] = [...entries, ...freeTags];
    const taken = numbers.flatMap(({ tag, number }) => this.#tags.get(tag)?.[number - 1] ?? []);
    const known = mark && this.#marks.get(mark.id);
    if (commits.length > 0 || taken.length > 0 || known) return { commits, entries: taken, mark: known };
    for (const put of puts) this.#assertNewIds(put);
    for (const put of puts) this.#store(put);
    for (const entry of entries) this.#tags.set(entry.tag, [...(this.#tags.get(entry.tag) ?? []), entry]);
    if (mark) this.#marks.set(mark.id, mark);
    return undefined;
  }

  #assertNewIds({ commit, given }: Put): void {
    const taken = new Map([...(this.#ids.get(commit.stream) ?? [])].filter(([id]) => given.has(id)));
    if (taken.size > 0) throw new EventIdTakenError(commit.stream, taken);
  }

  #store({ commit, given }: Put): void {
    const { stream, version } = commit;
    this.#ids.set(stream, new Map([...(this.#ids.get(stream) ?? []), ...given]));
    this.#streams.set(stream, (this.#streams.get(stream) ?? new Map()).set(version, commit));
  }

  async note(unchanged: Commit): Promise<void> {
    const key = `${unchanged.stream} ${unchanged.commitId}`;
    if (!this.#notes.has(key)) this.#notes.set(key, unchanged);
  }

  async head(stream: string): Promise<number> {
    return Math.max(0, ...this.#sorted(stream).map(endOf));
  }

  async find(stream: string, commitId: string): Promise<Commit | undefined> {
    return (
      this.#sorted(stream).find((commit) => commit.keyed && commit.commitId === commitId) ??
      this.#notes.get(`${stream} ${commitId}`)
    );
  }

  async *read(stream: string, { from, to, direction }: CommitRange): AsyncGenerator<Commit> {
    const forward = direction === 'forward';
    const [low, high] = forward ? [from, to] : [to, from];
    const commits = this.#sorted(stream).filter(
      (commit) => low <= high && endOf(commit) >= low && commit.version <= high,
    );
    yield* forward ? commits : commits.reverse();
  }

  async *scan(after: CommitPlace = { stream: '', version: 0 }): AsyncGenerator<ScannedCommit> {
    for (const stream of [...this.#streams.keys()].toSorted()) {
      if (stream < after.stream) continue;
      for (const commit of this.#sorted(stream)) {
        if (stream > after.stream || commit.version > after.version) yield { commit };
      }
    }
  }

  /** Overwrites or removes a stored commit, as a person with access to the disk could. */
  tamper(stream: string, version: number, commit?: Commit): void {
    const commits = this.#streams.get(stream);
    if (commit) commits?.set(version, commit);
    else commits?.delete(version);
    if (commits?.size === 0) this.#streams.delete(stream);
  }

  #sorted(stream: string): Commit[] {
    return [...(this.#streams.get(stream)?.values() ?? [])].toSorted((a, b) => a.version - b.version);
  }
}
