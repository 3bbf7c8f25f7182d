import * as z from 'zod';
import { defineEvent } from '../core/events/define.ts';
import { eventPlace, id } from '../core/events/envelope.ts';
import { json } from '../core/events/json.ts';
import { requiredAgents } from './task.ts';

/** They stand in the stream of the saga, right before its end. */
const common = { kind: 'domain', access: 'internal', version: 1, aggregateType: 'saga' } as const;

export const multiAgentTaskCompleted = defineEvent({
  ...common,
  type: 'multi-agent-task.completed',
  description: 'Every required agent completed its part of a task.',
  data: z.strictObject({
    taskId: id,
    completedAgents: requiredAgents,
    results: z
      .array(z.strictObject({ agentId: id, result: json.optional(), answer: eventPlace }))
      .optional()
      .describe('A large result is left out; `answer` names the event that holds it'),
  }),
  sensitive: ['results'],
});

export const multiAgentTaskFailed = defineEvent({
  ...common,
  type: 'multi-agent-task.failed',
  description: 'A task ended without success, and its assignments are released.',
  data: z.strictObject({ taskId: id, reason: z.string().min(1).max(1024), completedAgents: z.array(id) }),
  sensitive: ['reason'],
});

export const multiAgentTaskEvents = [multiAgentTaskCompleted, multiAgentTaskFailed] as const;
