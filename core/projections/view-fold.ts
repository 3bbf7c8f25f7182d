import type { Fold } from '../state/fold.ts';
import { evolveView, type ProjectionOf } from './projection.ts';

/** The fold of a stream into its view. */
export function viewFold<View extends object>(projection: ProjectionOf<View>): Fold<View | undefined> {
  const { name, aggregateType, stateVersion } = projection;
  return {
    name: `view.${name}`,
    aggregateType,
    stateVersion,
    initialState: undefined,
    evolve: (view, event) => evolveView(projection, view, event),
  };
}
