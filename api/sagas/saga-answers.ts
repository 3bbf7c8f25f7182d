import * as z from 'zod';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { id } from '../../core/events/envelope.ts';
import { storedInstant } from '../../core/events/stored-form.ts';
import { nextPage } from '../http/page.ts';
import { sagaState } from './saga-state.ts';

/** The state of a saga in lists, which show parked sagas separately. */
export const sagaSituation = z
  .enum(['STARTED', 'COMPENSATING', 'PARKED', 'COMPLETED', 'FAILED'])
  .describe('`PARKED`: the saga compensates and needs an operator');

const parked = z.strictObject({ step: z.string(), item: id, reason: z.string() });
const count = z.int().nonnegative();

/** A page of sagas. */
export const sagasPage = z.strictObject({
  sagas: z.array(
    z
      .strictObject({
        sagaId: id,
        sagaType: z.string(),
        state: sagaSituation,
        version: z.int().positive(),
        items: count.describe('Begun so far'),
        completed: count,
        compensated: count,
        reason: z.string().exactOptional().describe('The reason for the compensation or the failure'),
        parked: parked.exactOptional().describe('The item that could not be undone'),
        createdAt: storedInstant,
        lastUpdated: storedInstant,
      })
      .meta({ id: 'SagaStatus' }),
  ),
  next: nextPage,
});

const sagaStep = z.strictObject({
  step: z.string(),
  item: id,
  state: z
    .enum(['outstanding', 'waiting', 'completed', 'failed', 'compensated'])
    .describe('`waiting` is the pause before another attempt'),
  attempt: z.int().positive(),
  deadline: storedInstant,
  reason: z.string().optional().describe('The reason why the last attempt failed'),
  approvalId: id.optional().describe('The approval that the item waits for, or waited for'),
  signal: z.string().optional().describe('The name of the signal that the item waits for, or waited for'),
});

/** A saga with its steps and its history. */
export const sagaAnswer = (catalogue: Catalogue) =>
  z.strictObject({
    sagaId: id,
    sagaType: z.string(),
    state: sagaState,
    version: z.int().positive().describe('Sequence number of the last event of its history'),
    reason: z.string().optional().describe('The reason for the compensation or the failure'),
    parked: parked
      .optional()
      .describe('The item that could not be undone. An operator repairs the cause and resumes the saga'),
    steps: z.array(sagaStep).describe('In the order of their beginning'),
    history: z.array(catalogue.recordedEvent()),
  });
