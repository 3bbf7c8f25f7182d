import type { EventTypesOf } from '../../application/aggregate.ts';
import { addAmount } from '../../core/events/amount.ts';
import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../../core/projections/times.ts';

type TaskState = 'requested' | 'completed' | 'failed';

/** The state of a task, and the agents that answered. */
export interface TaskStatus extends Times {
  readonly taskId: string;
  /** `completed` once every required agent completed, `failed` from the first failure or release on. */
  readonly state: TaskState;
  readonly requiredAgents: readonly string[];
  /** Agents at work: assigned, not released, and without an answer. */
  readonly assignedAgents: readonly string[];
  readonly completedAgents: readonly string[];
  readonly failedAgents: readonly string[];
  readonly deadlineSeconds: number;
  /** Sum of the completions' durations, milliseconds. */
  readonly durationMs: number;
  /** The error of the first failure, or the reason of the release. */
  readonly error?: EventData<'task.failed'>['error'];
}

export const taskStatus = defineProjection({
  name: 'task-status',
  aggregateType: 'task',
  types: ['task.requested', 'task.assigned', 'task.completed', 'task.failed', 'task.released'],
  group: { of: (view: TaskStatus) => view.state, values: ['requested', 'completed', 'failed'] },
  evolve,
});

function evolve(view: TaskStatus | undefined, event: DomainEvent<EventTypesOf<'task'>>): TaskStatus {
  const base: TaskStatus = view ?? {
    taskId: event.aggregateId,
    state: 'requested',
    requiredAgents: [],
    assignedAgents: [],
    completedAgents: [],
    failedAgents: [],
    deadlineSeconds: 0,
    durationMs: 0,
    ...firstSeen(event),
  };
  const now = { ...base, ...seen(base, event) };
  switch (event.type) {
    case 'task.requested': {
      const { requiredAgents, deadlineSeconds } = event.data;
      return withState({ ...now, requiredAgents, deadlineSeconds });
    }
    case 'task.assigned':
      return { ...now, assignedAgents: union(now.assignedAgents, event.data.agentId) };
    case 'task.completed': {
      const { agentId, duration } = event.data;
      const completedAgents = union(now.completedAgents, agentId);
      return withState({ ...without(now, agentId), completedAgents, durationMs: addAmount(now.durationMs, duration) });
    }
    case 'task.failed': {
      const { agentId, error } = event.data;
      const failedAgents = union(now.failedAgents, agentId);
      return withState({ ...without(now, agentId), failedAgents, error: now.error ?? error });
    }
    case 'task.released': {
      const { agentId, reason } = event.data;
      const state = now.state === 'requested' ? 'failed' : now.state;
      return { ...without(now, agentId), state, error: now.error ?? reason };
    }
  }
}

const without = (view: TaskStatus, agent: string): TaskStatus => ({
  ...view,
  assignedAgents: view.assignedAgents.filter((assigned) => assigned !== agent),
});

const union = (agents: readonly string[], agent: string) => (agents.includes(agent) ? agents : [...agents, agent]);

function withState(view: TaskStatus): TaskStatus {
  const { requiredAgents, completedAgents, failedAgents } = view;
  if (view.state !== 'requested') return view;
  if (failedAgents.length > 0) return { ...view, state: 'failed' };
  const done = requiredAgents.length > 0 && requiredAgents.every((agent) => completedAgents.includes(agent));
  return done ? { ...view, state: 'completed' } : view;
}
