import * as z from 'zod';
import { amount, amounts } from '../core/events/amount.ts';
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

export const taskRequested = defineEvent({
  type: 'task.requested',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'task',
  streamIds: ['taskId'],
  description: 'Work for one or more agents. Every agent has to complete its part before the deadline.',
  data: z.strictObject({
    taskId: id,
    requiredAgents,
    payload: jsonObject,
    deadlineSeconds: z.int().positive().max(MAX_DEADLINE_SECONDS),
  }),
  sensitive: ['payload'],
});

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

export const taskEvents = [taskRequested, taskAssigned, taskCompleted, taskFailed, taskReleased] as const;
