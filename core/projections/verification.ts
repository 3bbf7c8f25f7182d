import pLimit from 'p-limit';
import { AnnalsError, UnavailableError } from '../base/errors.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { JsonObject } from '../events/json.ts';
import type { EventLog } from '../log/log.ts';
import type { EventStore } from '../store/event-store.ts';
import { type CheckpointKey, Checkpoints } from './checkpoints.ts';
import { type AnyProjection, aggregateTypesOf, isShared, keyIn, type StoredView } from './projection.ts';
import { type AnySharedProjection, shownCounts, Tally, treeOf } from './shared-projection.ts';
import type { CounterValues, SharedPlace, SharedViewStore } from './shared-view-store.ts';
import { hashOf } from './view-hash.ts';
import type { ViewStore } from './view-store.ts';

/** A view that is not what its history makes of it. */
export interface Difference {
  readonly projection: string;
  readonly generation: number;
  /** The view, or the checkpoint of a stream in a shared projection. */
  readonly key: string;
  /**
   * `differs`: it is another one than the fold up to its version. `behind`: old events are missing, and it is not parked.
   * `ahead`: it has events that its stream has not. `orphan`: there is no stream to it. `unreadable`: the view or its
   * history cannot be read. `moving`: it changed with every look, so that nothing can be said.
   */
  readonly kind: 'differs' | 'behind' | 'ahead' | 'orphan' | 'unreadable' | 'moving';
  readonly detail: string;
}

export interface VerificationOptions {
  readonly projections: readonly AnyProjection[];
  readonly store: EventStore;
  readonly log: EventLog;
  readonly views: ViewStore;
  readonly sharedViews: SharedViewStore;
  readonly live: (projection: string) => number | Promise<number>;
  /** How long a view may lack an event before it counts as behind, milliseconds. */
  readonly graceMs?: number;
  readonly now?: () => Date;
}

export interface Verified {
  readonly projection: string;
  /** Streams whose part in it was made anew and compared. */
  readonly streams: number;
  readonly differences: readonly Difference[];
}

const DEFAULT_GRACE_MS = 60_000;
const CONCURRENCY = 10;
/** How often a shared view that moves meanwhile is looked at. */
const LOOKS = 5;
const PAGE = 100;

/**
 * Makes every live view anew from history and compares the two by their hashes, while everything goes on: a view is held
 * against the fold up to the version that it has. The log says which streams there are. Changes nothing.
 */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #checkpoints: Checkpoints;

  constructor(options: VerificationOptions) {
    this.#options = options;
    this.#checkpoints = new Checkpoints(options);
  }

  /** Verifies all projections, one after the other. @throws UnavailableError */
  async *run(): AsyncGenerator<Verified> {
    const streams = await this.#streams();
    for (const projection of this.#options.projections) {
      const generation = await this.#options.live(projection.name);
      const fed = aggregateTypesOf(projection);
      const own = [...streams].filter((stream) => fed.includes(parseStreamId(stream).aggregateType));
      const differences = isShared(projection)
        ? await this.#shared(projection, generation, own)
        : await this.#each(projection, generation, own);
      yield { projection: projection.name, streams: own.length, differences };
    }
  }

  async #streams(): Promise<ReadonlySet<string>> {
    const streams = new Set<string>();
    for await (const { commit } of this.#options.log.commits(undefined)) streams.add(commit.stream);
    return streams;
  }

  async #each(projection: AnyProjection, generation: number, streams: readonly string[]): Promise<Difference[]> {
    const limit = pLimit(CONCURRENCY);
    const folds = streams.map((stream) => limit(() => this.#fold(projection, generation, stream)));
    const found = (await Promise.all(folds)).flatMap(({ differences }) => differences);
    return [...found, ...(await this.#orphans(projection, generation, new Set(streams)))];
  }

  /** Folds a stream up to the version that its checkpoint has, and holds that against it. */
  async #fold(projection: AnyProjection, generation: number, stream: string) {
    const key = keyIn(projection, stream);
    const difference = (kind: Difference['kind'], detail: string): Difference => ({
      ...{ projection: projection.name, generation, key },
      ...{ kind, detail },
    });
    try {
      const stored = await this.#options.views.get(projection.name, generation, key);
      const made = await this.#remake({ projection, generation, stream }, stored?.version ?? 0);
      return { increments: made.increments, differences: this.#compare(stored, made, difference) };
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      const detail = error instanceof AnnalsError ? error.message : `its history cannot be folded: ${error}`;
      return { increments: new Map(), differences: [difference('unreadable', detail)] };
    }
  }

  /** The fold of a stream up to a version, and when what follows it was recorded. */
  async #remake(place: CheckpointKey, upTo: number) {
    const { store } = this.#options;
    const progress = await this.#checkpoints.foldTo(place, upTo);
    if (progress.failure) throw progress.failure.error;
    const [missing] = await Array.fromAsync(store.commits(place.stream, { from: upTo + 1, limit: 1, to: upTo + 1 }));
    return { ...progress, missingSince: missing?.recordedAt };
  }

  #compare(
    stored: StoredView | undefined,
    made: { view: JsonObject | undefined; version: number; missingSince: string | undefined },
    difference: (kind: Difference['kind'], detail: string) => Difference,
  ): Difference[] {
    const { graceMs = DEFAULT_GRACE_MS, now = () => new Date() } = this.#options;
    const version = stored?.version ?? 0;
    const found: Difference[] = [];
    if (made.version < version)
      found.push(difference('ahead', `is at version ${version}, its stream at ${made.version}`));
    else if (hashOf(stored?.view) !== hashOf(made.view)) {
      const detail = `at version ${version} it is ${hashOf(stored?.view)}, history makes it ${hashOf(made.view)}`;
      found.push(difference('differs', detail));
    }
    const { missingSince } = made;
    const isLate = missingSince !== undefined && now().getTime() - Date.parse(missingSince) > graceMs;
    if (isLate && !stored?.parked) {
      found.push(difference('behind', `is at version ${version} and lacks what was recorded ${missingSince}`));
    }
    return found;
  }

  async #orphans(projection: AnyProjection, generation: number, streams: ReadonlySet<string>): Promise<Difference[]> {
    if (isShared(projection)) return [];
    const { name, aggregateType, group } = projection;
    const orphans: Difference[] = [];
    for (const own of group.values) {
      let after: string | undefined;
      do {
        const page = await this.#options.views.list(name, generation, own, { limit: PAGE, after });
        for (const { key } of page.views) {
          if (streams.has(`${aggregateType}-${key}`) || (await this.#options.store.head(`${aggregateType}-${key}`)) > 0)
            continue;
          orphans.push({ projection: name, generation, key, kind: 'orphan', detail: 'has no stream' });
        }
        after = page.next;
      } while (after !== undefined);
    }
    return orphans;
  }

  /** The sums must be those of the parts up to each checkpoint: looked at before and after, lest something came between. */
  async #shared(
    projection: AnySharedProjection,
    generation: number,
    streams: readonly string[],
  ): Promise<Difference[]> {
    const place = { projection: projection.name, generation };
    const limit = pLimit(CONCURRENCY);
    for (let look = 0; look < LOOKS; look++) {
      const before = await this.#sums(projection, place);
      const parts = await Promise.all(streams.map((stream) => limit(() => this.#fold(projection, generation, stream))));
      const after = await this.#sums(projection, place);
      if (hashOf(treesOf(before)) !== hashOf(treesOf(after))) continue;
      const tally = new Tally();
      for (const { increments } of parts) tally.merge(increments);
      const differences = parts.flatMap((part) => part.differences);
      return [...differences, ...differencesOf(place, after, shownCounts(tally.increments()))];
    }
    return [
      { ...place, key: '*', kind: 'moving', detail: `changed with each of ${LOOKS} looks; verify at a quieter time` },
    ];
  }

  async #sums({ shards }: AnySharedProjection, place: SharedPlace): Promise<ReadonlyMap<string, CounterValues>> {
    const { sharedViews } = this.#options;
    const keys = await Array.fromAsync(sharedViews.keys(place));
    const limit = pLimit(CONCURRENCY);
    const read = keys.map((key) =>
      limit(async () => [key, (await sharedViews.read(place, key, shards)) ?? new Map<string, number>()] as const),
    );
    return new Map(await Promise.all(read));
  }
}

function differencesOf(
  place: SharedPlace,
  stored: ReadonlyMap<string, CounterValues>,
  made: ReadonlyMap<string, CounterValues>,
): Difference[] {
  return [...new Set([...stored.keys(), ...made.keys()])].flatMap((key) => {
    const [is, should] = [treeOf(stored.get(key) ?? new Map()), treeOf(made.get(key) ?? new Map())];
    if (hashOf(is) === hashOf(should)) return [];
    return [{ ...place, key, kind: 'differs', detail: `it is ${hashOf(is)}, history makes it ${hashOf(should)}` }];
  });
}

const treesOf = (views: ReadonlyMap<string, CounterValues>) =>
  Object.fromEntries([...views].map(([key, counters]) => [key, treeOf(counters)]));
