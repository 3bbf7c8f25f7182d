import * as z from 'zod';
import { amount, amounts } from '../core/events/amount.ts';
import { budgetRequest } from '../core/events/budget.ts';
import { defineEvent } from '../core/events/define.ts';
import { id } from '../core/events/envelope.ts';
import { instant } from '../core/events/instant.ts';
import { json, jsonObject } from '../core/events/json.ts';

export const requiredAgents = z
  .array(id)
  .min(1)
  .max(100)
  .refine((agents) => new Set(agents).size === agents.length, 'names an agent twice');

/** The longest a task may take: 30 days, in seconds. */
const MAX_DEADLINE_SECONDS = 30 * 24 * 3600;

/** Most parts of a task. */
const MAX_PARTS = 100;

/** A part of a task: the id of the agent that it names, or one of the parts that any agent of the type may claim. */
export const slot = id;

/** The number of a claim of a slot: it grows by 1 with each claim. Work under an older number is refused. */
export const fencing = z.int().positive();

/** The members of a request besides the id of the task. */
export const taskOrder = {
  requiredAgents: requiredAgents.exactOptional().describe('The agents that each have a part; or give an `agentType`'),
  agentType: z
    .string()
    .regex(/^\P{Cc}{1,128}$/u, 'has 1 to 128 characters, none of them a control character')
    .exactOptional()
    .describe('Any agents of this type may claim the parts'),
  count: z.int().min(1).max(MAX_PARTS).exactOptional().describe('Parts for agents of the type; 1 when absent'),
  priority: z.int().min(0).max(9).exactOptional().describe('9 comes first; 5 when absent'),
  payload: jsonObject,
  deadlineSeconds: z.int().positive().max(MAX_DEADLINE_SECONDS),
  budget: budgetRequest.exactOptional().describe('When it is spent, the task fails and its assignments are released'),
};

/** The agents of a task: named, or any of a type. */
export interface TaskAgents {
  readonly requiredAgents?: readonly string[];
  readonly agentType?: string;
  readonly count?: number;
}

/** Whether the agents of a task are given in exactly one of the two ways; a rule of {@link taskOrder}. */
export const namesItsAgents = ({ requiredAgents, agentType, count }: TaskAgents): boolean =>
  (requiredAgents === undefined) === (agentType !== undefined) && (count === undefined || agentType !== undefined);

/** What {@link namesItsAgents} asks for, in words. */
export const AGENTS_RULE = 'has either requiredAgents, or agentType with an optional count';

export const taskRequested = defineEvent({
  type: 'task.requested',
  kind: 'domain',
  access: 'open',
  version: 2,
  upcasters: [(data) => data], // version 1 named its agents always
  aggregateType: 'task',
  streamIds: ['taskId'],
  description:
    'Work for agents: named, or any of a type. Every part has to be completed before the deadline. Higher priorities come first.',
  data: z.strictObject({ taskId: id, ...taskOrder }).refine(namesItsAgents, AGENTS_RULE),
  sensitive: ['payload'],
});

/** The claim under which an agent worked; absent for a named agent that never claimed its part. */
const claimed = {
  slot: slot.exactOptional(),
  fencing: fencing.exactOptional(),
};

export const taskCompleted = defineEvent({
  type: 'task.completed',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'task',
  streamIds: ['taskId'],
  description: 'One required agent did its part of a task.',
  data: z.strictObject({
    taskId: id,
    agentId: id,
    result: json,
    duration: amount.describe('Milliseconds'),
    resources: amounts,
    ...claimed,
  }),
  sensitive: ['result'],
});

export const taskFailed = defineEvent({
  type: 'task.failed',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'task',
  streamIds: ['taskId'],
  description: 'One required agent could not do its part of a task.',
  data: z.strictObject({
    taskId: id,
    agentId: id,
    error: z.union([z.string().min(1).max(16_384), jsonObject]),
    ...claimed,
  }),
  sensitive: ['error'],
});

export const taskAssigned = defineEvent({
  type: 'task.assigned',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'task',
  streamIds: ['taskId'],
  description: 'A required agent is assigned to a task. An agent may have several assignments at once.',
  data: z.strictObject({ taskId: id, agentId: id, deadline: instant }),
  sensitive: [],
});

export const taskReleased = defineEvent({
  type: 'task.released',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'task',
  streamIds: ['taskId'],
  description: 'An agent is released from a task: it has to stop, and its part does not count.',
  data: z.strictObject({ taskId: id, agentId: id, reason: z.string().min(1).max(1024) }),
  sensitive: ['reason'],
});

const internal = {
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'task',
  streamIds: ['taskId'],
} as const;

export const taskOffered = defineEvent({
  ...internal,
  type: 'task.offered',
  description: 'A part of a task waits for any agent of a type: the first that claims it has it.',
  data: z.strictObject({ taskId: id, slot, deadline: instant }),
  sensitive: [],
});

export const taskWithdrawn = defineEvent({
  ...internal,
  type: 'task.withdrawn',
  description: 'A part of a task is withdrawn: its holder, if it has one, has to stop, and the part does not count.',
  data: z.strictObject({
    taskId: id,
    slot,
    agentId: id.exactOptional().describe('The holder'),
    reason: z.string().min(1).max(1024),
  }),
  sensitive: ['reason'],
});

export const taskClaimed = defineEvent({
  ...internal,
  type: 'task.claimed',
  description: 'An agent claimed a part of a task. It holds the part as long as its heartbeats extend the lease.',
  data: z.strictObject({
    taskId: id,
    slot,
    agentId: id,
    fencing,
    until: instant.describe('The end of the lease without a heartbeat'),
  }),
  sensitive: [],
});

export const taskClaimLost = defineEvent({
  ...internal,
  type: 'task.claim-lost',
  description:
    'An agent does not hold a part any longer: its lease ended, or it gave the part back. The part waits again.',
  data: z.strictObject({ taskId: id, slot, agentId: id, fencing, reason: z.enum(['expired', 'released']) }),
  sensitive: [],
});

export const taskEvents = [
  taskRequested,
  taskAssigned,
  taskOffered,
  taskClaimed,
  taskClaimLost,
  taskCompleted,
  taskFailed,
  taskReleased,
  taskWithdrawn,
] as const;
