import { defineProjection } from '../../../core/projections/projection.ts';
import { defineSharedProjection } from '../../../core/projections/shared-projection.ts';

/** Keeps every action in its order, so that a duplicate, a loss or a swap shows. Takes no `untakable` while `poisonous`. */
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

/** Counts what any duplicate, loss or swap within a stream would change. Counts no `uncountable` while `poisonous`. */
export const fleetOf = (poisonous: () => boolean) =>
  defineSharedProjection({
    name: 'fleet',
    types: ['agent.step-recorded'],
    shards: 3,
    evolve: (own: { steps: number } = { steps: 0 }) => ({ steps: own.steps + 1 }),
    count: (event, own, { steps }) => {
      if (poisonous() && event.data.action.startsWith('uncountable')) throw new Error('cannot be counted');
      const weight = Number(event.data.action.split(' ')[1]);
      const moved = own ? { [`at-${own.steps}`]: -1 } : {};
      return { all: { steps: 1, weighted: steps * weight, ...moved, [`at-${steps}`]: 1 } };
    },
  });
