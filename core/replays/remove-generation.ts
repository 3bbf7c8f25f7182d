import type { ViewClaims } from '../projections/large-views.ts';
import { type AnyProjection, groupsOf, isShared } from '../projections/projection.ts';
import type { SharedViewStore } from '../projections/shared-view-store.ts';
import type { GenerationStore } from './generation-store.ts';

/** Where the views of a generation are. */
export interface GenerationParts {
  readonly generationStore: GenerationStore;
  readonly sharedViews?: SharedViewStore;
  /** The claims of large views; none when absent. */
  readonly viewClaims?: Pick<ViewClaims, 'remove'> | undefined;
  /** Called between batches, to give other requests their turns. */
  readonly breathe?: () => Promise<void>;
}

const REMOVED_AT_ONCE = 100;

/**
 * Removes all views of a generation. It may be repeated.
 * @param isOver says that the time is over; the next call continues
 * @param until the same for the claims of large views, milliseconds since 1970
 * @returns whether all are removed
 */
export async function removeGeneration(
  { generationStore, sharedViews, viewClaims, breathe }: GenerationParts,
  { projection, generation }: { readonly projection: AnyProjection; readonly generation: number },
  { isOver, until }: { readonly isOver: () => boolean; readonly until: number },
): Promise<boolean> {
  const { name } = projection;
  if (isShared(projection)) await sharedViews?.remove({ projection: name, generation });
  for (const group of groupsOf(projection)) {
    let after: string | undefined;
    do {
      const options = { limit: REMOVED_AT_ONCE, after };
      const { checkpoints, next } = await generationStore.checkpoints(name, generation, group, options);
      const keys = checkpoints.map(({ key }) => key);
      if (keys.length > 0) await generationStore.remove(name, generation, keys);
      after = next;
      await breathe?.();
      if (isOver()) return false;
    } while (after !== undefined);
  }
  return (await viewClaims?.remove({ projection: name, generation }, until)) ?? true;
}
