import { streamId } from '../base/stream-id.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';

/** A moment of a stream. */
export interface Origin {
  readonly stream: string;
  readonly version: number;
}

/** Events of one stream, numbered `from` to `to`, both included. */
export interface Stretch {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
}

/** What a stream goes on from when this is the first commit of a fork: its history up to there is that other stream's. */
export function originOf(commit: Commit | undefined): Origin | undefined {
  if (commit?.version !== 1 || !commit.types.includes('agent.forked')) return undefined;
  const [event] = decodeCommit(commit);
  if (event?.type !== 'agent.forked') return undefined;
  return { stream: streamId('agent', event.data.parentId), version: event.data.atVersion };
}

/** Where the whole history of a stream is: that of its origins first; empty when there is none. What tells of a fork is no part of it. */
export async function historyOf(store: EventStore, stream: string): Promise<Stretch[]> {
  const [head, [first]] = await Promise.all([store.head(stream), Array.fromAsync(store.commits(stream, { to: 1 }))]);
  if (head === 0) return [];
  const origin = originOf(first);
  const own = { stream, from: origin ? 2 : 1, to: head };
  if (!origin) return [own];
  const before = await historyOf(store, origin.stream);
  const last = before.pop();
  return last ? [...before, { ...last, to: Math.min(last.to, origin.version) }, own] : [own];
}

/** Two histories from where they part, and the last moment that they have in common, if there is one. */
export interface Parting {
  readonly common: Origin | undefined;
  readonly left: readonly Stretch[];
  readonly right: readonly Stretch[];
}

export function partingOf(left: readonly Stretch[], right: readonly Stretch[]): Parting {
  let common: Origin | undefined;
  for (let index = 0; ; index += 1) {
    const [own, other] = [left[index], right[index]];
    if (!own || !other || own.stream !== other.stream) {
      return { common, left: left.slice(index), right: right.slice(index) };
    }
    const shared = Math.min(own.to, other.to);
    if (shared >= own.from) common = { stream: own.stream, version: shared };
    if (own.to === other.to) continue;
    const after = (stretch: Stretch, rest: readonly Stretch[]) =>
      [{ ...stretch, from: shared + 1 }, ...rest.slice(index + 1)].filter(({ from, to }) => from <= to);
    return { common, left: after(own, left), right: after(other, right) };
  }
}

/** Leaves out the first events of stretches. */
export function skip(stretches: readonly Stretch[], events: number): Stretch[] {
  let left = events;
  return stretches.flatMap((stretch) => {
    const passed = Math.min(left, Math.max(0, stretch.to - stretch.from + 1));
    left -= passed;
    return stretch.from + passed <= stretch.to ? [{ ...stretch, from: stretch.from + passed }] : [];
  });
}

/** The events of stretches, one by one, fetched as they are taken. */
export async function* eventsOf(store: EventStore, stretches: readonly Stretch[]) {
  for (const { stream, from, to } of stretches) yield* store.read(stream, { from, to });
}
