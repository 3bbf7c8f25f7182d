import * as z from 'zod';
import { recordedEventSchema } from '../events/catalogue.ts';
import { id } from '../events/envelope.ts';

export const sagaState = z.enum(['STARTED', 'COMPENSATING', 'COMPLETED', 'FAILED']);

const sagaStep = z.strictObject({
  step: z.string(),
  item: id,
  state: z
    .enum(['outstanding', 'waiting', 'completed', 'failed', 'compensated'])
    .describe('`waiting` is the pause before another attempt'),
  attempt: z.int().positive(),
  deadline: z.iso.datetime(),
  reason: z.string().optional().describe('Why its last attempt failed'),
});

export const saga = z
  .strictObject({
    sagaId: id,
    sagaType: z.string(),
    state: sagaState,
    version: z.int().positive().describe('Sequence number of the last event of its history'),
    reason: z.string().optional().describe('Why it compensates, or failed'),
    parked: z
      .strictObject({ step: z.string(), item: id, reason: z.string() })
      .optional()
      .describe('What could not be undone; an operator repairs that and resumes the saga'),
    steps: z.array(sagaStep).describe('In the order in which they began'),
    history: z.array(recordedEventSchema),
  })
  .meta({ id: 'Saga' });
