import { describe, expect, it } from 'vitest';
import { NotFoundError, ValidationError } from '../../../../core/base/errors.ts';
import { byReference, deliveredEvent } from '../../../../core/publishing/event-reference.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { step } from '../../../support/sample-events.ts';

async function stored() {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const metadata = { note: 'kept' };
  await store.append('agent-42', [step('1'), { ...step('2'), metadata }, step('3')], { expectedVersion: 0 });
  const [, event] = await Array.fromAsync(store.read('agent-42'));
  if (!event) throw new Error('nothing stored');
  return { store, event };
}

/** As it leaves the bus. */
const delivered = (detail: object): unknown => JSON.parse(JSON.stringify(detail));

describe('an event that the bus delivers', () => {
  it('is the stored event, whether it came whole or by reference', async () => {
    const { store, event } = await stored();
    expect(byReference(event)).not.toHaveProperty('data');
    expect(await deliveredEvent(delivered(event), store)).toEqual(event);
    expect(await deliveredEvent(delivered(byReference(event)), store)).toEqual(event);
  });

  it('is not read from the store when it came whole', async () => {
    const { event } = await stored();
    const store = new EventStore(new MemoryCommitStorage(), { catalogue });
    expect(await deliveredEvent(delivered(event), store)).toEqual(event);
  });

  it('is refused when the store has another event in its place, or none', async () => {
    const { store, event } = await stored();
    const other = { ...byReference(event), id: 'another' };
    await expect(deliveredEvent(delivered(other), store)).rejects.toThrow(NotFoundError);
    const empty = new EventStore(new MemoryCommitStorage(), { catalogue });
    await expect(deliveredEvent(delivered(byReference(event)), empty)).rejects.toThrow(NotFoundError);
  });

  it('is refused when it is neither an event nor a reference', async () => {
    const { store, event } = await stored();
    for (const detail of [{}, null, { ...event, data: undefined }, { id: event.id, reference: { streamId: 'x' } }]) {
      await expect(deliveredEvent(detail, store)).rejects.toThrow(ValidationError);
    }
  });
});
