import { expect, it } from 'vitest';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { meteredDelivery, meteredPublisher, meteredStorage } from '../../../../core/telemetry/metered.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { losingReplies } from '../../../support/losing-replies.ts';
import { recordTelemetry } from '../../../support/recorded-telemetry.ts';
import { newStream, step } from '../../../support/sample-events.ts';

it('appends are counted by their outcome, and timed', async () => {
  const { metrics, counted } = recordTelemetry();
  const memory = new MemoryCommitStorage();
  const store = new EventStore(meteredStorage(memory, metrics), { catalogue });
  const stream = newStream();
  await store.append(stream, [step('1')], { expectedVersion: 0, commitId: 'key' });
  await store.append(stream, [step('1')], { expectedVersion: 0, commitId: 'key' });
  await expect(store.append(stream, [step('2')], { expectedVersion: 0 })).rejects.toThrow('expected 0');
  const lossy = new EventStore(meteredStorage(losingReplies(memory), metrics), { catalogue });
  await expect(lossy.append(newStream(), [step('3')], { expectedVersion: 0 })).rejects.toThrow('lost');
  expect(counted('appends_total').map(({ outcome }) => outcome)).toEqual(['written', 'repeated', 'conflict', 'failed']);
  expect(counted('append_duration_seconds')).toHaveLength(4);
});

async function eventsOf(...sources: string[]): Promise<{ store: EventStore; stream: string; events: DomainEvent[] }> {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const stream = newStream();
  const events = sources.map((source) => ({ ...step('x'), source }));
  await store.append(stream, events, { expectedVersion: 0 });
  return { store, stream, events: await Array.fromAsync(store.read(stream)) };
}

it('events are counted by type, outcome and known sources; a source that somebody made up is "other"', async () => {
  const { metrics, counted } = recordTelemetry();
  const { events } = await eventsOf('annals', 'made-up-1', 'made-up-2');
  const publisher = {
    publish: async ([first]: readonly DomainEvent[]) => (first ? [{ event: first, error: 'no' }] : []),
  };
  await meteredPublisher(publisher, metrics, { countedSources: ['annals'], catalogue }).publish(events);
  const type = 'agent.step-recorded';
  expect(counted('events_total')).toEqual([
    { type, source: 'annals', status: 'failure', value: 1 },
    { type, source: 'other', status: 'success', value: 1 },
    { type, source: 'other', status: 'success', value: 1 },
  ]);
  expect(counted('event_size_bytes').map(({ value }) => value)).toEqual(
    events.map((one) => JSON.stringify(one).length),
  );
  const broken = meteredPublisher({ publish: () => Promise.reject(new Error('down')) }, metrics, {
    countedSources: [],
    catalogue,
  });
  await expect(broken.publish(events)).rejects.toThrow('down');
  expect(
    counted('events_total')
      .slice(3)
      .map(({ status }) => status),
  ).toEqual(['failure', 'failure', 'failure']);
});

it('a delivery is timed by type and processor; the age of a commit counts when it is done with', async () => {
  const { metrics, counted } = recordTelemetry();
  const { store, stream } = await eventsOf('annals');
  const commits = (await Array.fromAsync(store.commits(stream))).map((commit) => ({
    ...commit,
    recordedAt: new Date(Date.now() - 2_000).toISOString(),
  }));
  await meteredDelivery('projector', async () => [], { metrics, catalogue })(commits);
  await meteredDelivery('relay', async ([commit]) => (commit ? [{ commit }] : []), { metrics, catalogue })(commits);
  expect(counted('event_processing_duration_seconds')).toMatchObject([
    { type: 'agent.step-recorded', processor: 'projector' },
    { type: 'agent.step-recorded', processor: 'relay' },
  ]);
  expect(counted('projection_lag_seconds')[0]?.value).toBeGreaterThanOrEqual(2);
  expect(counted('log_lag_seconds')).toEqual([]); // what failed is not in the log
});
