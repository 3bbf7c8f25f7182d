import type { NewEvent } from '../../core/events/catalogue.ts';
import { type Commit, endOf } from '../../core/store/commit.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { catalogue } from './application.ts';
import { steps } from './sample-events.ts';

/** A store whose clock moves only when the test sets it, for tests that use its commits. */
export class History {
  readonly commits = new MemoryCommitStorage();
  /** Milliseconds after 09:00. */
  now = 0;
  readonly store = new EventStore(this.commits, { catalogue, now: () => this.#date() });
  readonly written: Commit[] = [];

  #date(): Date {
    return new Date(Date.parse('2026-01-05T09:00:00.000Z') + this.now);
  }

  /** Appends events to a stream of an agent, and moves the clock by a millisecond. */
  async commit(agent: string, events: number | readonly NewEvent[] = 1): Promise<Commit> {
    this.now++;
    const stream = `agent-${agent}`;
    const head = await this.store.head(stream);
    const list = typeof events === 'number' ? steps(events, `${agent} ${head}`) : events;
    await this.store.append(stream, list, { expectedVersion: head });
    const [commit] = await Array.fromAsync(this.store.commits(stream, { from: head + 1 }));
    if (!commit) throw new Error('the commit is not there');
    this.written.push(commit);
    return commit;
  }
}

/** The place of a commit: `agent-1 3-5`. */
export const placeOf = (commit: Commit): string => `${commit.stream} ${commit.version}-${endOf(commit)}`;
