import { defineProjection } from '../../../core/projections/projection.ts';
import { defineSharedProjection } from '../../../core/projections/shared-projection.ts';

/** Keeps all actions in order, so that a duplicate, a loss or a swap is visible. Refuses `untakable` while `poisonous`. */
export const actionsOf = (poisonous: () => boolean) =>
  defineProjection({
    name: 'actions',
    aggregateType: 'agent',
    types: ['agent.step-recorded'],
    group: { of: () => 'all', values: ['all'] },
    evolve: (view: { seen: string[] } | undefined, event) => {
      if (poisonous() && event.data.action.startsWith('untakable')) throw new Error('cannot be taken');
      return { seen: [...(view?.seen ?? []), event.data.action] };
    },
  });

/** Has counters that a duplicate, a loss or a swap in a stream changes. Refuses `uncountable` while `poisonous`. */
export const fleetOf = (poisonous: () => boolean) =>
  defineSharedProjection({
    name: 'fleet',
    types: ['agent.step-recorded'],
    shards: 3,
    evolve: (state: { steps: number } = { steps: 0 }) => ({ steps: state.steps + 1 }),
    count: (event, state, { steps }) => {
      if (poisonous() && event.data.action.startsWith('uncountable')) throw new Error('cannot be counted');
      const weight = Number(event.data.action.split(' ')[1]);
      const moved = state ? { [`at-${state.steps}`]: -1 } : {};
      return { all: { steps: 1, weighted: steps * weight, ...moved, [`at-${steps}`]: 1 } };
    },
  });
