import { CloudEvent, HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { NotFoundError } from '../../../../core/base/errors.ts';
import { toCloudEvent } from '../../../../core/publishing/cloud-event.ts';
import { deliveredEvent } from '../../../../core/publishing/event-reference.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { step } from '../../../support/sample-events.ts';

async function stored() {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const given = { ...step('2'), metadata: { note: 'kept' }, causationId: 'e-1' };
  const defaults = { correlationId: 'c-1' };
  await store.append('agent-42', [step('1'), given], { expectedVersion: 0, defaults });
  const [, event] = await Array.fromAsync(store.read('agent-42'));
  if (!event) throw new Error('nothing stored');
  return { store, event };
}

/** As it leaves the bus. */
const delivered = (detail: object) => JSON.parse(JSON.stringify(detail));

describe('an event as a CloudEvent', () => {
  it('is valid by the SDK of CloudEvents, in structured form', async () => {
    const { event } = await stored();
    for (const isWhole of [true, false]) {
      const made = delivered(toCloudEvent(event, isWhole));
      expect(new CloudEvent(made).validate()).toBe(true); // also throws for names and values that the specification excludes
      const headers = { 'content-type': 'application/cloudevents+json' };
      const read = HTTP.toEvent({ headers, body: JSON.stringify(made) });
      expect(read).toMatchObject({
        id: event.id,
        source: '/streams/agent-42',
        type: 'agent.step-recorded',
        subject: 'agent-42',
        sequence: '2',
        correlationid: 'c-1',
        causationid: 'e-1',
        ...(isWhole ? { data: event.data } : { dataref: '/streams/agent-42/events?from=2&to=2' }),
      });
    }
  });

  it('leads a subscriber to the whole event, with its metadata', async () => {
    const { store, event } = await stored();
    expect(await deliveredEvent(delivered(toCloudEvent(event)), store)).toEqual(event);
    expect(await deliveredEvent(delivered(toCloudEvent(event, false)), store)).toEqual(event);
    const other = { ...toCloudEvent(event), sequence: '1' };
    await expect(deliveredEvent(delivered(other), store)).rejects.toThrow(NotFoundError);
  });
});
