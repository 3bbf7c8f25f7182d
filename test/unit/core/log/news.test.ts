import { expect, it } from 'vitest';
import { EventLog } from '../../../../core/log/log.ts';
import type { LogStorage } from '../../../../core/log/storage.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { forwarding, MemoryLogStorage } from '../../../support/memory-log.ts';

it('a waiting reader sees at once an event that was appended during its read', { timeout: 10_000 }, async () => {
  const [memory, history] = [new MemoryLogStorage(), new History()];
  const writer = new LogWriter({ catalogue, storage: memory, commits: history.commits, strategy: 'single' });
  let tell = () => {};
  let looks = 0;
  const storage: LogStorage = {
    ...forwarding(memory),
    onAppended(listener) {
      tell = listener;
      return () => {};
    },
    async *read(partition, range) {
      yield* memory.read(partition, range);
      if (!range.consistent || ++looks > 1) return;
      await writer.append([await history.commit('1')]); // the look has found nothing, and does not wait yet
      tell();
    },
  };
  const { events } = await new EventLog({ catalogue, storage, strategy: 'single' }).getEventsAfter(undefined, {
    waitMs: 60_000,
  });
  expect(looks).toBeGreaterThan(0);
  expect(events).toHaveLength(1);
});
