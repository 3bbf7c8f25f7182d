import { EventIdTakenError } from '../../core/base/errors.ts';
import { type Commit, endOf } from '../../core/store/commit.ts';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../core/store/commit-scan.ts';
import type { CommitRange, CommitStorage } from '../../core/store/commit-storage.ts';

/** A simple storage of commits in a Map, for unit tests. */
export class MemoryCommitStorage implements CommitStorage, CommitScan {
  readonly #streams = new Map<string, Map<number, Commit>>();

  readonly #ids = new Map<string, Map<string, number>>();
  readonly #notes = new Map<string, Commit>();

  async put(commit: Commit, given: ReadonlyMap<string, number> = new Map()): Promise<Commit | undefined> {
    const commits = this.#streams.get(commit.stream) ?? new Map<number, Commit>();
    const occupant = commits.get(commit.version);
    if (occupant) return occupant;
    const ids = this.#ids.get(commit.stream) ?? new Map<string, number>();
    const taken = new Map([...ids].filter(([id]) => given.has(id)));
    if (taken.size > 0) throw new EventIdTakenError(commit.stream, taken);
    this.#ids.set(commit.stream, new Map([...ids, ...given]));
    this.#streams.set(commit.stream, commits.set(commit.version, commit));
    return undefined;
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
