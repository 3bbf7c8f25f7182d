import { UnavailableError } from '../base/errors.ts';
import { type AnyProjection, groupsOf, streamOf } from '../projections/projection.ts';
import type { Projector } from '../projections/projector.ts';
import type { EventStore } from '../store/event-store.ts';
import type { GenerationStore, ViewCheckpoint } from './generation-store.ts';
import type { ReplayFailure } from './replay.ts';

/** A place among the views of a generation: in which group, after which key. */
export interface ComparisonPlace {
  readonly group: string;
  readonly after?: string | undefined;
}

interface ComparedPage {
  /** Views of the live generation that the other one has not, or has at an earlier version. */
  readonly behind: readonly ViewCheckpoint[];
  /** Where to go on. */
  readonly next: ComparisonPlace;
}

export interface GenerationComparisonOptions {
  readonly projection: AnyProjection;
  readonly store: GenerationStore;
  readonly events: EventStore;
}

const PAGE = 100;

/** Compares a generation with the live one by their checkpoints, and brings it up to it where it is behind. */
export class GenerationComparison {
  readonly #options: GenerationComparisonOptions;

  constructor(options: GenerationComparisonOptions) {
    this.#options = options;
  }

  /** Goes through the live generation's views, from a place on. */
  async *pages(live: number, other: number, from: ComparisonPlace | undefined): AsyncGenerator<ComparedPage> {
    const { projection, store } = this.#options;
    const groups = groupsOf(projection);
    for (const group of groups.slice(from ? groups.indexOf(from.group) : 0)) {
      let after = group === from?.group ? from.after : undefined;
      for (;;) {
        const { checkpoints, next } = await store.checkpoints(projection.name, live, group, { limit: PAGE, after });
        const behind = await this.#behind(other, checkpoints);
        after = next ?? checkpoints.at(-1)?.key ?? after;
        yield { behind, next: { group, after } };
        if (next === undefined) break;
      }
    }
  }

  /**
   * Applies the streams of these views up to their heads.
   * @returns those that are behind even so, with the reason
   * @throws UnavailableError when storage could not be reached
   */
  async catchUp(behind: readonly ViewCheckpoint[], generation: number, projector: Projector): Promise<ReplayFailure[]> {
    const { projection, events } = this.#options;
    const reasons = new Map<string, string>();
    for (const { key } of behind) {
      const stream = streamOf(projection, key);
      // The newest commit is enough: the projector reads those before it that the view lacks.
      const newest = await Array.fromAsync(events.commits(stream, { direction: 'backward', limit: 1 }));
      for (const { error } of await projector.apply(newest)) {
        if (error instanceof UnavailableError) throw error;
        reasons.set(key, error instanceof Error ? error.message : String(error));
      }
    }
    return (await this.#behind(generation, behind)).map(({ key, version }) => {
      const message = reasons.get(key) ?? `is not at version ${version} as the live view is`;
      return { stream: streamOf(projection, key), message };
    });
  }

  async #behind(generation: number, wanted: readonly ViewCheckpoint[]): Promise<ViewCheckpoint[]> {
    if (wanted.length === 0) return [];
    const keys = wanted.map(({ key }) => key);
    const versions = await this.#options.store.versions(this.#options.projection.name, generation, keys);
    return wanted.filter(({ key, version }) => (versions.get(key) ?? 0) < version);
  }
}
