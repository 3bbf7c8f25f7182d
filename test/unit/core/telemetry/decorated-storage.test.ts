import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ClaimCheck } from '../../../../core/store/claim-check.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { decoratedStorage } from '../../../../core/telemetry/decorated-storage.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';
import { recordTelemetry } from '../../../support/recorded-telemetry.ts';
import { newStream, noise, step } from '../../../support/sample-events.ts';

const SLOW_MS = 30;

class SlowObjects extends MemoryObjectStore {
  override async put(...args: Parameters<MemoryObjectStore['put']>): Promise<boolean> {
    await delay(SLOW_MS);
    return super.put(...args);
  }
}

it('a large commit is claimed, counted once, and its time includes that of its body', async () => {
  const { metrics, tracer, counted, spans } = recordTelemetry();
  const storage = new MemoryCommitStorage();
  const claims = new ClaimCheck(new SlowObjects());
  const store = new EventStore(decoratedStorage(storage, { claims, metrics, tracer }), { catalogue });
  const stream = newStream();
  await tracer.service('annals', undefined, {}, () =>
    store.append(stream, [step(noise(700_000))], { expectedVersion: 0 }),
  );
  const [stored] = await Array.fromAsync(storage.read(stream, { from: 1, to: 1, direction: 'forward' }));
  expect(stored?.body.length).toBeLessThan(1_000);
  expect(counted('appends_total')).toEqual([{ outcome: 'written', value: 1 }]);
  const [timed] = counted('append_duration_seconds');
  expect(timed?.['value']).toBeGreaterThan((SLOW_MS - 5) / 1_000);
  const put = spans.find(({ name }) => name === 'storage.put');
  expect((put?.end_time ?? 0) - (put?.start_time ?? 0)).toBeGreaterThan((SLOW_MS - 5) / 1_000);
});

it('records no spans where the client of the storage traces its calls', async () => {
  const { metrics, tracer, spans } = recordTelemetry();
  const claims = new ClaimCheck(new MemoryObjectStore());
  const store = new EventStore(decoratedStorage(new MemoryCommitStorage(), { claims, metrics }), { catalogue });
  await tracer.service('annals', undefined, {}, () => store.append(newStream(), [step('a')], { expectedVersion: 0 }));
  expect(spans.map(({ name }) => name)).toEqual(['annals']);
});
