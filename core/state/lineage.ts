import { LineageError } from '../base/errors.ts';
import type { Catalogue } from '../events/catalogue.ts';
import type { Origin } from '../events/define.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';

/** Most ancestors of a fork: its parent, the parent of the parent, and so on. */
export const MAX_PARENTS = 32;

/** Events of one stream, numbered `from` to `to`, both included. */
export interface Stretch {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
}

/** The origin of a fork, by its first commit: the moment of the other stream that it continues. */
export function originOf(commit: Commit | undefined, catalogue: Catalogue): Origin | undefined {
  if (commit?.version !== 1 || !commit.types.some((type) => mayContinue(type, catalogue))) return undefined;
  const [event] = decodeCommit(commit, catalogue);
  // The declaration and the data are of the same type, which the compiler cannot see.
  return event && catalogue.definitionOf(event.type)?.continues?.(event.data as never);
}

/** Whether an event of this stored type may begin a fork. Other events need no decoding. */
function mayContinue(type: string, { definitionOf, retired }: Catalogue): boolean {
  return [...retired.currentTypesOf(type)].some((name) => definitionOf(name)?.continues !== undefined);
}

/** The streams from a fork to the beginning of its history; refuses a circle. */
export class Ancestry {
  readonly #stream: string;
  readonly #seen: Set<string>;

  /** @param stream the fork */
  constructor(stream: string) {
    this.#stream = stream;
    this.#seen = new Set([stream]);
  }

  /** Adds the next origin. @throws LineageError on a repeated stream, and past {@link MAX_PARENTS} */
  add({ stream }: Origin): void {
    if (this.#seen.has(stream)) {
      throw new LineageError(`the forks that lead to stream ${this.#stream} form a circle, at stream ${stream}`);
    }
    if (this.#seen.size > MAX_PARENTS) {
      throw new LineageError(`stream ${this.#stream} is a fork with more than ${MAX_PARENTS} parents`);
    }
    this.#seen.add(stream);
  }

  /** Parents so far. */
  get parents(): number {
    return this.#seen.size - 1;
  }
}

/** The number of a stream's ancestors; 0 unless it is a fork. @throws LineageError in a circle */
export async function parentsOf(store: EventStore, stream: string): Promise<number> {
  const ancestry = new Ancestry(stream);
  let origin = originOf(await firstCommit(store, stream), store.catalogue);
  while (origin) {
    ancestry.add(origin);
    origin = originOf(await firstCommit(store, origin.stream), store.catalogue);
  }
  return ancestry.parents;
}

/**
 * The places of the whole history of a stream, from its first origin on; empty without a history. The event that begins
 * a fork does not belong to it.
 * @throws LineageError when the forks on the way form a circle or are too many
 */
export async function historyOf(store: EventStore, stream: string): Promise<Stretch[]> {
  const ancestry = new Ancestry(stream);
  const history: Stretch[] = [];
  let moment: Origin | undefined = { stream, version: Number.MAX_SAFE_INTEGER };
  while (moment) {
    const [head, first] = await Promise.all([store.head(moment.stream), firstCommit(store, moment.stream)]);
    const origin = originOf(first, store.catalogue);
    if (head > 0) history.push({ ...fromOf(moment, origin), to: Math.min(head, moment.version) });
    if (origin) ancestry.add(origin);
    moment = origin;
  }
  return history.toReversed();
}

const fromOf = ({ stream }: Origin, origin: Origin | undefined) => ({ stream, from: origin ? 2 : 1 });

async function firstCommit(store: EventStore, stream: string): Promise<Commit | undefined> {
  for await (const commit of store.commits(stream, { to: 1 })) return commit;
  return undefined;
}

/** Two histories from their first difference on, and their last shared moment, if any. */
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

/** The events of stretches, one by one, fetched on demand. */
export async function* eventsOf(store: EventStore, stretches: readonly Stretch[]) {
  for (const { stream, from, to } of stretches) yield* store.read(stream, { from, to });
}
