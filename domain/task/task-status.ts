import type { EventTypesOf } from '../../application/aggregate.ts';
import { addAmount } from '../../core/events/amount.ts';
import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import { isoOf } from '../../core/events/instant.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../../core/projections/times.ts';
import { inboxes, slotsOf, USUAL_PRIORITY } from './slots.ts';

type TaskState = 'requested' | 'completed' | 'failed';

/** One part of a task. */
export interface SlotView {
  readonly slot: string;
  /** `requested` before the saga has assigned or offered it; `waiting` until an agent claims it or answers. */
  readonly state: 'requested' | 'waiting' | 'claimed' | 'completed' | 'failed' | 'released';
  /** The agent that the part names, else its holder. */
  readonly agentId?: string;
  /** The number of the last claim. */
  readonly fencing?: number;
  /** When it was claimed. */
  readonly claimedAt?: string;
}

/** The state of a task, and the agents that answered. */
export interface TaskStatus extends Times {
  readonly taskId: string;
  /** `completed` once every part is completed, `failed` from the first failure or release on. */
  readonly state: TaskState;
  /** The named agents; empty for agents of a type. */
  readonly requiredAgents: readonly string[];
  readonly agentType?: string;
  readonly priority?: number;
  readonly payload?: EventData<'task.requested'>['payload'];
  readonly slots?: readonly SlotView[];
  /** Agents at work: assigned or by a claim, not released, and without an answer. */
  readonly assignedAgents: readonly string[];
  readonly completedAgents: readonly string[];
  readonly failedAgents: readonly string[];
  readonly deadlineSeconds: number;
  /** The end of the time for all parts, once they are assigned or offered. */
  readonly deadline?: string;
  /** The limits of its budget, as requested. `GET /budgets/task:<taskId>` has the present limits, and what is spent. */
  readonly budget?: EventData<'task.requested'>['budget'];
  /** Sum of the completions' durations, milliseconds. */
  readonly durationMs: number;
  /** The error of the first failure, or the reason of the release. */
  readonly error?: EventData<'task.failed'>['error'];
}

export const taskStatus = defineProjection({
  name: 'task-status',
  aggregateType: 'task',
  types: [
    'task.requested',
    'task.assigned',
    'task.offered',
    'task.claimed',
    'task.claim-lost',
    'task.completed',
    'task.failed',
    'task.released',
    'task.withdrawn',
  ],
  stateVersion: 2,
  group: { of: (view: TaskStatus) => view.state, values: ['requested', 'completed', 'failed'] },
  evolve,
  /** A task with a part that waits stands in the inbox of each agent that may claim it, the most urgent and oldest first. */
  entries: ({ state, slots = [], agentType, priority = USUAL_PRIORITY, createdAt }) => {
    const waiting = state === 'requested' ? slots.filter((each) => each.state === 'waiting') : [];
    const lists =
      agentType === undefined ? waiting.map(({ slot }) => inboxes.ofWorker(slot)) : [inboxes.ofType(agentType)];
    const order = `${9 - priority}~${isoOf(Date.parse(createdAt))}`;
    return waiting.length === 0 ? [] : lists.map((list) => ({ list, order }));
  },
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
    case 'task.requested':
      return requested(now, event.data);
    case 'task.assigned': {
      const { agentId, deadline } = event.data;
      const assigned = { ...now, deadline, assignedAgents: union(now.assignedAgents, agentId) };
      return withSlot(assigned, agentId, { state: 'waiting' });
    }
    case 'task.offered':
      return withSlot({ ...now, deadline: event.data.deadline }, event.data.slot, { state: 'waiting' });
    case 'task.claimed': {
      const { slot, agentId, fencing } = event.data;
      const held = { ...now, assignedAgents: union(now.assignedAgents, agentId) };
      return withSlot(held, slot, { state: 'claimed', agentId, fencing, claimedAt: event.timestamp });
    }
    case 'task.claim-lost': {
      const { slot, agentId, fencing } = event.data;
      // A named agent stays assigned: the part waits for it again.
      const isNamed = now.requiredAgents.includes(agentId);
      const left = isNamed ? now : without(now, agentId);
      return withSlot(left, slot, { state: 'waiting', fencing }, isNamed ? [] : ['agentId']);
    }
    case 'task.completed': {
      const { agentId, duration } = event.data;
      const completedAgents = union(now.completedAgents, agentId);
      const durationMs = addAmount(now.durationMs, duration);
      return withState(answered({ ...without(now, agentId), completedAgents, durationMs }, event.data, 'completed'));
    }
    case 'task.failed': {
      const { agentId, error } = event.data;
      const failedAgents = union(now.failedAgents, agentId);
      return withState(
        answered({ ...without(now, agentId), failedAgents, error: now.error ?? error }, event.data, 'failed'),
      );
    }
    case 'task.released':
      return released(without(now, event.data.agentId), event.data.agentId, event.data.reason);
    case 'task.withdrawn': {
      const { slot, agentId, reason } = event.data;
      return released(agentId === undefined ? now : without(now, agentId), slot, reason);
    }
  }
}

function requested(now: TaskStatus, order: EventData<'task.requested'>): TaskStatus {
  const { requiredAgents = [], agentType, priority = USUAL_PRIORITY, payload, deadlineSeconds, budget } = order;
  const slots = slotsOf(order).map((slot): SlotView => {
    return { slot, state: 'requested', ...(agentType === undefined ? { agentId: slot } : {}) };
  });
  const pool = agentType === undefined ? {} : { agentType };
  const limits = budget && { budget };
  return withState({ ...now, requiredAgents, ...pool, priority, payload, slots, deadlineSeconds, ...limits });
}

/** The end of an open part: an answer or a release that comes later changes nothing in it. */
function answered(
  now: TaskStatus,
  { slot, agentId }: { readonly slot?: string; readonly agentId: string },
  state: 'completed' | 'failed',
): TaskStatus {
  const name = slot ?? agentId;
  const isOpen = now.slots?.some((each) => each.slot === name && each.state !== 'completed' && each.state !== 'failed');
  return isOpen ? withSlot(now, name, { state, agentId }) : now;
}

function released(now: TaskStatus, slot: string, reason: string): TaskStatus {
  const state = now.state === 'requested' ? 'failed' : now.state;
  const after = { ...now, state, error: now.error ?? reason };
  const isOver = now.slots?.some(
    (each) => each.slot === slot && (each.state === 'completed' || each.state === 'failed'),
  );
  return isOver ? after : withSlot(after, slot, { state: 'released' });
}

/** A view of an older release has no slots until it is rebuilt. */
function withSlot(
  view: TaskStatus,
  slot: string,
  change: Partial<SlotView>,
  gone: readonly (keyof SlotView)[] = [],
): TaskStatus {
  if (!view.slots) return view;
  const slots = view.slots.map((each): SlotView => {
    if (each.slot !== slot) return each;
    const { claimedAt: _, ...kept } = each;
    const left = Object.fromEntries(Object.entries(kept).filter(([name]) => !gone.includes(name as keyof SlotView)));
    return { ...(left as typeof kept), ...change };
  });
  return { ...view, slots };
}

const without = (view: TaskStatus, agent: string): TaskStatus => ({
  ...view,
  assignedAgents: view.assignedAgents.filter((assigned) => assigned !== agent),
});

const union = (agents: readonly string[], agent: string) => (agents.includes(agent) ? agents : [...agents, agent]);

function withState(view: TaskStatus): TaskStatus {
  const { requiredAgents, completedAgents, failedAgents, agentType, slots = [] } = view;
  if (view.state !== 'requested') return view;
  if (failedAgents.length > 0) return { ...view, state: 'failed' };
  const done =
    agentType === undefined
      ? requiredAgents.length > 0 && requiredAgents.every((agent) => completedAgents.includes(agent))
      : slots.every(({ state }) => state === 'completed');
  return done ? { ...view, state: 'completed' } : view;
}
