import * as z from 'zod';
import { defineEvent } from '../core/events/define.ts';
import { id } from '../core/events/envelope.ts';
import { instant } from '../core/events/instant.ts';
import { jsonObject } from '../core/events/json.ts';
import { requiredAgents } from './task.ts';

/** Most steps that one round of a saga does side by side. */
const MAX_ITEMS = 100;

const reason = z.string().min(1).max(1024);
/** A step as the saga's declaration names it. */
const step = z.string().min(1).max(64);
/** What one step does side by side, each on its own: an agent, a step of a workflow. */
const item = id;
const items = z.array(item).min(1).max(MAX_ITEMS);
/** The event that was taken as an answer. */
const answer = z.strictObject({ eventId: id, streamId: z.string(), sequenceNumber: z.int().positive() });

const common = { kind: 'domain', access: 'internal', version: 1, aggregateType: 'saga' } as const;

export const sagaStarted = defineEvent({
  ...common,
  type: 'saga.started',
  description: 'A saga began. `input` is all that its decisions need to know of the event that started it.',
  data: z.strictObject({ sagaId: id, sagaType: z.string().min(1).max(64), startedBy: answer, input: jsonObject }),
  sensitive: ['input'],
});

export const sagaStepStarted = defineEvent({
  ...common,
  type: 'saga.step-started',
  description: 'A step is to be done, once for each item, each to be answered before the deadline.',
  data: z.strictObject({ sagaId: id, step, items, attempt: z.int().positive(), deadline: instant }),
  sensitive: [],
});

export const sagaStepCompleted = defineEvent({
  ...common,
  type: 'saga.step-completed',
  description: 'An item of a step was answered as done.',
  data: z.strictObject({ sagaId: id, step, item, answer, output: z.json().optional() }),
  sensitive: ['output'],
});

export const sagaStepFailed = defineEvent({
  ...common,
  type: 'saga.step-failed',
  description: 'An item of a step failed, was refused, or was not answered in time. `retryAt` when it is tried again.',
  data: z.strictObject({
    sagaId: id,
    step,
    item,
    attempt: z.int().positive(),
    cause: z
      .enum(['answer', 'party', 'refused', 'deadline'])
      .describe('Who says so: an answer, the end of the agent, the rule that refused the command, the clock'),
    reason,
    answer: answer.optional(),
    retryAt: instant.optional(),
  }),
  sensitive: ['reason'],
});

export const sagaAnswerIgnored = defineEvent({
  ...common,
  type: 'saga.answer-ignored',
  description: 'An answer that came too late and changed nothing. Recorded once for an item; a repeat is not recorded.',
  data: z.strictObject({ sagaId: id, item, answer }),
  sensitive: [],
});

export const sagaCompensating = defineEvent({
  ...common,
  type: 'saga.compensating',
  description: 'The saga will not complete: what was done is undone, last first.',
  data: z.strictObject({ sagaId: id, reason, cancelled: z.boolean() }),
  sensitive: ['reason'],
});

export const sagaStepCompensated = defineEvent({
  ...common,
  type: 'saga.step-compensated',
  description: 'An item of a step was undone.',
  data: z.strictObject({ sagaId: id, step, item }),
  sensitive: [],
});

export const sagaParked = defineEvent({
  ...common,
  type: 'saga.parked',
  description: 'An item could not be undone, repeatedly: the saga waits for an operator, who resumes it.',
  data: z.strictObject({ sagaId: id, step, item, reason }),
  sensitive: ['reason'],
});

export const sagaResumed = defineEvent({
  ...common,
  type: 'saga.resumed',
  description: 'An operator had a parked saga try again.',
  data: z.strictObject({ sagaId: id }),
  sensitive: [],
});

export const sagaCompleted = defineEvent({
  ...common,
  type: 'saga.completed',
  description: 'Every step of the saga is done.',
  data: z.strictObject({ sagaId: id }),
  sensitive: [],
});

export const sagaFailed = defineEvent({
  ...common,
  type: 'saga.failed',
  description: 'The saga ended without completing, and what it had done is undone.',
  data: z.strictObject({ sagaId: id, reason }),
  sensitive: ['reason'],
});

export const multiAgentTaskCompleted = defineEvent({
  ...common,
  type: 'multi-agent-task.completed',
  description: 'Every required agent completed its part of a task.',
  data: z.strictObject({
    taskId: id,
    completedAgents: requiredAgents,
    results: z
      .array(z.strictObject({ agentId: id, result: z.json().optional(), answer }))
      .optional()
      .describe('A result that is too large to repeat is left out; `answer` says which event holds it'),
  }),
  sensitive: ['results'],
});

export const multiAgentTaskFailed = defineEvent({
  ...common,
  type: 'multi-agent-task.failed',
  description: 'A task was given up, and its assignments released.',
  data: z.strictObject({ taskId: id, reason, completedAgents: z.array(id) }),
  sensitive: ['reason'],
});

export const sagaEvents = [
  sagaStarted,
  sagaStepStarted,
  sagaStepCompleted,
  sagaStepFailed,
  sagaAnswerIgnored,
  sagaCompensating,
  sagaStepCompensated,
  sagaParked,
  sagaResumed,
  sagaCompleted,
  sagaFailed,
  multiAgentTaskCompleted,
  multiAgentTaskFailed,
] as const;
