import { wholeAmount } from '../../core/events/amount.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { type Counters, type Counts, defineSharedProjection } from '../../core/projections/shared-projection.ts';

/** The agents that have answered a task. A repeated answer counts once. */
export interface Own {
  readonly completed: readonly string[];
  readonly failed: readonly string[];
}

type AgentAnswer = DomainEvent<'task.completed' | 'task.failed'>;

/** One view for each agent: its results in all tasks. Ranked by completed tasks. */
export const leaderboard = defineSharedProjection({
  name: 'leaderboard',
  types: ['task.completed', 'task.failed'],
  shards: 1,
  rank: 'completed',
  evolve: (own: Own = { completed: [], failed: [] }, event: AgentAnswer): Own => {
    const list = listOf(event);
    const { agentId } = event.data;
    return own[list].includes(agentId) ? own : { ...own, [list]: [...own[list], agentId] };
  },
  count: (event: AgentAnswer, own: Own | undefined): Counts => {
    const list = listOf(event);
    const { agentId } = event.data;
    if (own?.[list].includes(agentId)) return {};
    const durationMs: Counters =
      event.type === 'task.completed' ? { durationMs: wholeAmount(event.data.duration) } : {};
    return { [agentId]: { [list]: 1, ...durationMs } };
  },
});

const listOf = ({ type }: AgentAnswer): keyof Own => (type === 'task.completed' ? 'completed' : 'failed');
