import { UnavailableError } from '../base/errors.ts';
import { type AnyProjection, groupsOf, streamOf } from '../projections/projection.ts';
import type { Projector } from '../projections/projector.ts';
import type { EventStore } from '../store/event-store.ts';
import type { GenerationStore, ViewCheckpoint } from './generation-store.ts';
import type { ReplayFailure } from './replay.ts';

/** A place among the views of a generation: a group, and the key to continue after. */
export interface ComparisonPlace {
  readonly group: string;
  readonly after?: string | undefined;
}

interface ComparedPage {
  /** Views of the live generation that the other generation lacks or has at an earlier version. */
  readonly behind: readonly ViewCheckpoint[];
  /** The place to continue at. */
  readonly next: ComparisonPlace;
}

/** The parts of a {@link GenerationComparison}. */
export interface GenerationComparisonOptions {
  readonly projection: AnyProjection;
  readonly store: GenerationStore;
  readonly events: EventStore;
}

const PAGE = 100;

/**
 * Compares a generation with the live generation by checkpoints, and applies the missing commits where it is behind.
 */
export class GenerationComparison {
  readonly #options: GenerationComparisonOptions;

  constructor(options: GenerationComparisonOptions) {
    this.#options = options;
  }

  /** Compares the live generation's views with another generation, page by page, from a place on. */
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
   * @returns the streams that are still behind, with the reason
   * @throws UnavailableError when the storage could not be reached
   */
  async catchUp(behind: readonly ViewCheckpoint[], generation: number, projector: Projector): Promise<ReplayFailure[]> {
    const { projection, events } = this.#options;
    const reasons = new Map<string, string>();
    for (const { key } of behind) {
      const stream = streamOf(projection, key);
      // The newest commit is enough: the projector reads the earlier commits that the view lacks.
      const newest = await Array.fromAsync(events.commits(stream, { direction: 'backward', limit: 1 }));
      for (const { error } of await projector.apply(newest)) {
        if (error instanceof UnavailableError) throw error;
        reasons.set(key, error instanceof Error ? error.message : String(error));
      }
    }
    return (await this.#behind(generation, behind)).map(({ key, version }) => {
      const message = reasons.get(key) ?? `is behind version ${version} of the live view`;
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
