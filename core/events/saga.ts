import * as z from 'zod';
import { defineEvent } from './define.ts';
import { eventPlace, id } from './envelope.ts';
import { instant } from './instant.ts';
import { json, jsonObject } from './json.ts';

/** Most items of one step. */
const MAX_ITEMS = 100;

const reason = z.string().min(1).max(1024);
/** The name of a step in the declaration of the saga. */
const step = z.string().min(1).max(64);
/** The name of a signal. */
export const signalName = step;
/** An item of a step. The items of a step run side by side. */
const item = id;
const items = z.array(item).min(1).max(MAX_ITEMS);
/** The event that was the answer. */
const answer = eventPlace;

const common = { kind: 'domain', access: 'internal', version: 1, aggregateType: 'saga' } as const;

export const sagaStarted = defineEvent({
  ...common,
  type: 'saga.started',
  description: 'A saga began. `input` holds the facts of the first event that its decisions need.',
  data: z.strictObject({ sagaId: id, sagaType: z.string().min(1).max(64), startedBy: answer, input: jsonObject }),
  sensitive: ['input'],
});

export const sagaStepStarted = defineEvent({
  ...common,
  type: 'saga.step-started',
  description: 'A step began. Each of its items waits for an answer until the deadline.',
  data: z.strictObject({ sagaId: id, step, items, attempt: z.int().positive(), deadline: instant }),
  sensitive: [],
});

export const sagaStepCompleted = defineEvent({
  ...common,
  type: 'saga.step-completed',
  description: 'An item of a step is done.',
  data: z.strictObject({ sagaId: id, step, item, answer, output: json.optional() }),
  sensitive: ['output'],
});

export const sagaStepFailed = defineEvent({
  ...common,
  type: 'saga.step-failed',
  description:
    'An item of a step failed, was refused, or got no answer in time. `retryAt` is the time of the next attempt.',
  data: z.strictObject({
    sagaId: id,
    step,
    item,
    attempt: z.int().positive(),
    cause: z
      .enum(['answer', 'party', 'refused', 'deadline'])
      .describe('The cause: an answer, the end of the party, a refused command, or the clock'),
    reason,
    answer: answer.optional(),
    retryAt: instant.optional(),
  }),
  sensitive: ['reason'],
});

export const sagaAnswerIgnored = defineEvent({
  ...common,
  type: 'saga.answer-ignored',
  description: 'An answer came too late and changed nothing. Recorded once for each item.',
  data: z.strictObject({ sagaId: id, item, answer }),
  sensitive: [],
});

export const sagaSignalled = defineEvent({
  ...common,
  type: 'saga.signalled',
  description: 'Somebody sent the saga a signal. A step waits for it, or will.',
  data: z.strictObject({ sagaId: id, name: signalName, payload: json.optional() }),
  sensitive: ['payload'],
});

export const sagaCompensating = defineEvent({
  ...common,
  type: 'saga.compensating',
  description: 'The saga cannot complete. It undoes its items, the last one first.',
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
  description: 'Several attempts to undo an item failed. The saga waits until an operator resumes it.',
  data: z.strictObject({ sagaId: id, step, item, reason }),
  sensitive: ['reason'],
});

export const sagaResumed = defineEvent({
  ...common,
  type: 'saga.resumed',
  description: 'An operator resumed a parked saga.',
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
  description: 'The saga ended without success, and every item is undone.',
  data: z.strictObject({ sagaId: id, reason }),
  sensitive: ['reason'],
});

/** The events of every saga's history. An application with sagas has them in its catalogue. */
export const sagaEvents = [
  sagaStarted,
  sagaStepStarted,
  sagaStepCompleted,
  sagaStepFailed,
  sagaAnswerIgnored,
  sagaSignalled,
  sagaCompensating,
  sagaStepCompensated,
  sagaParked,
  sagaResumed,
  sagaCompleted,
  sagaFailed,
] as const;
