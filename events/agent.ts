import * as z from 'zod';
import { streamId } from '../core/base/stream-id.ts';
import { amount } from '../core/events/amount.ts';
import { defineEvent } from '../core/events/define.ts';
import { id } from '../core/events/envelope.ts';
import { instant } from '../core/events/instant.ts';
import { type JsonObject, jsonObject } from '../core/events/json.ts';
import { standardUsage, usage } from './usage.ts';

export const agentState = z.enum(['created', 'idle', 'running', 'waiting', 'failed', 'stopped']);
export type AgentState = z.output<typeof agentState>;

export const agentCreated = defineEvent({
  type: 'agent.created',
  kind: 'domain',
  access: 'open',
  version: 2,
  upcasters: [(data) => ({ ...data, metadata: { migrated: true, originalVersion: 1 } })],
  aggregateType: 'agent',
  streamIds: ['agentId'],
  description: 'An agent exists and can be given work.',
  data: z.strictObject({
    agentId: id,
    agentType: z.string().min(1).max(128),
    configuration: jsonObject,
    createdBy: z.string().min(1).max(128),
    parentId: id.optional().describe('The agent that this agent works for'),
    metadata: jsonObject
      .optional()
      .describe('Notes of the creator; `{ migrated, originalVersion }` for an event of version 1'),
  }),
  sensitive: ['configuration', 'metadata'],
});

export const agentStateChanged = defineEvent({
  type: 'agent.state-changed',
  kind: 'domain',
  access: 'open',
  version: 2,
  upcasters: [(data) => data], // the members of waiting are optional
  aggregateType: 'agent',
  streamIds: ['agentId'],
  description: 'An agent went from one state to another.',
  data: z.strictObject({
    agentId: id,
    previousState: agentState,
    newState: agentState,
    reason: z.string().max(4096),
    timestamp: instant.optional(),
    waitingFor: z.string().min(1).max(1024).optional().describe('What an agent in state `waiting` waits for'),
    until: instant.optional().describe('The end of its wait'),
  }),
  sensitive: ['waitingFor'],
});

const isNamed = (usage: unknown): usage is JsonObject => typeof usage === 'object' && usage !== null;

export const agentStepRecorded = defineEvent({
  type: 'agent.step-recorded',
  kind: 'domain',
  access: 'open',
  version: 2,
  upcasters: [({ usage, ...data }) => (isNamed(usage) ? { ...data, usage: standardUsage(usage) as JsonObject } : data)],
  aggregateType: 'agent',
  streamIds: ['agentId'],
  description: 'An agent thought, acted and saw what came of it.',
  data: z.strictObject({
    agentId: id,
    thought: z.string().optional(),
    action: z.string(),
    observation: z.string().optional(),
    durationMs: amount.optional().describe('Milliseconds'),
    usage: usage.optional(),
    taskId: id.optional().describe('The task that the step works for; its usage counts for the budget of the task'),
  }),
  sensitive: ['thought', 'action', 'observation'],
});

export const agentForked = defineEvent({
  type: 'agent.forked',
  kind: 'domain',
  access: 'internal',
  version: 2,
  upcasters: [(data) => data], // the changes are optional
  aggregateType: 'agent',
  streamIds: ['agentId'],
  description: 'An agent continues another agent from a moment on. Both share the history up to that moment.',
  data: z.strictObject({
    agentId: id,
    parentId: id,
    atVersion: z.int().positive().describe('The last event that the fork shares with its parent'),
    agentType: z.string().max(128).optional().describe('The type of the parent then, for views of many agents'),
    state: agentState.optional().describe('The state of the parent then'),
    changes: jsonObject.optional().describe('Members of the configuration that differ from those of the parent'),
  }),
  continues: ({ parentId, atVersion }) => ({ stream: streamId('agent', parentId), version: atVersion }),
  sensitive: ['changes'],
});

export const agentDescribed = defineEvent({
  type: 'agent.described',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'agent',
  streamIds: ['agentId'],
  description: 'Facts about an agent became known after it was created. They replace earlier ones of the same name.',
  data: z.strictObject({
    agentId: id,
    agentType: agentCreated.data.shape.agentType.optional(),
    parentId: id.optional().describe('The agent that this agent works for'),
    configuration: jsonObject.optional(),
  }),
  sensitive: ['configuration'],
});

export const agentStepWithdrawn = defineEvent({
  type: 'agent.step-withdrawn',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'agent',
  streamIds: ['agentId'],
  description: 'A recorded step is not a step of this agent: it belongs to another agent, or was counted twice.',
  data: z.strictObject({
    agentId: id,
    stepId: id.describe('The id of the event of the step'),
    durationMs: amount.optional().describe('Of the step, milliseconds'),
    usage: usage.optional().describe('Of the step'),
    taskId: id.optional().describe('Of the step'),
    last: z
      .strictObject({ action: z.string(), timestamp: instant })
      .optional()
      .describe('The last step that stays; absent when none stays'),
    reason: z.string().max(4096),
  }),
  sensitive: ['last'],
});

/** The reason of the first state of an agent that telemetry tells of. */
export const TELEMETRY_ARRIVES = 'telemetry arrives';

export const agentEvents = [
  agentCreated,
  agentStateChanged,
  agentStepRecorded,
  agentForked,
  agentDescribed,
  agentStepWithdrawn,
] as const;
