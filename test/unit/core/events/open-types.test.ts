import { expect, it } from 'vitest';
import * as z from 'zod';
import { catalogueOf } from '../../../../core/events/catalogue.ts';
import { defineEvent, retireEvent } from '../../../../core/events/define.ts';

const noteWritten = defineEvent({
  type: 'note.written',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'note',
  description: 'Somebody wrote a note.',
  data: z.strictObject({ text: z.string() }),
  sensitive: [],
});
const memoWritten = retireEvent({
  type: 'memo.written',
  version: 1,
  successors: ['note.written'],
  succeed: (data) => ({ type: 'note.written', version: 1, data }),
});
const { newEvent, recordedEvent, isOpen } = catalogueOf([noteWritten], { retired: [memoWritten] });

const issues = (event: unknown) =>
  (newEvent.safeParse(event).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

it('an event is checked by its declaration, or as an open type: all faults are of one of the two', () => {
  expect(issues({ type: 'note.written', data: { text: 'x' } })).toEqual([]);
  expect(issues({ type: 'order.placed', data: { any: [1] } })).toEqual([]);
  expect(issues({ type: 'note.written', data: {} })).toEqual([expect.stringMatching(/^data\.text: /)]);
  expect(issues({ type: 'order.placed', data: [] })).toEqual([expect.stringMatching(/^data: /)]);
  expect(issues({ type: 'order.placed', data: {}, more: 1 })).toEqual([expect.stringContaining('more')]);
  expect(issues({ type: 'note.read', data: {} })).toEqual(['type: is not a known event type; known are note.written']);
  for (const type of ['memo.read', 'memo.written']) expect(issues({ type, data: {} })).toHaveLength(1);
  for (const event of [null, 1, {}, { type: 1, data: {} }, { type: 'order', data: {} }])
    expect(issues(event)).not.toEqual([]);
});

it('a stored event of an open type is parsed by its envelope', () => {
  const envelope = {
    ...{ id: '1', version: 3, timestamp: '2026-01-01T00:00:00.000Z', source: 's', aggregateId: '1', sequenceNumber: 1 },
    metadata: { recordedAt: '2026-01-01T00:00:00.000Z' },
  };
  const open = { ...envelope, type: 'order.placed', aggregateType: 'order', data: { any: [1] } };
  expect(recordedEvent().parse(open)).toEqual(open);
  expect(recordedEvent().safeParse({ ...open, data: 1 }).success).toBe(false);
  expect(recordedEvent().safeParse({ ...open, type: 'note.written', data: {} }).success).toBe(false);
});

it('a type is open where no module declares the type, a former name or the streams', () => {
  expect(isOpen('order', 'order.placed')).toBe(true);
  expect(isOpen('note', 'order.placed')).toBe(false);
  for (const type of ['note.written', 'memo.written']) expect(isOpen('order', type)).toBe(false);
});
