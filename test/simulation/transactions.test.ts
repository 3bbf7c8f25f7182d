import { expect, it } from 'vitest';
import * as z from 'zod';
import { TransactionConflictError, UnavailableError } from '../../core/base/errors.ts';
import { catalogueOf, type DomainEvent, type NewEvent } from '../../core/events/catalogue.ts';
import { defineEvent } from '../../core/events/define.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { Faults } from '../../testing/simulation/faults.ts';
import { Random } from '../../testing/simulation/random.ts';

const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 60);
const catalogue = catalogueOf([
  defineEvent({
    ...{ type: 'note.taken', aggregateType: 'note', kind: 'domain', access: 'open', version: 1, sensitive: [] },
    description: 'Something is noted',
    data: z.strictObject({ by: z.string() }),
    tags: ({ by }) => (by.endsWith('0') ? ['even-ten'] : []),
  }),
]);
const noted = (by: string) => ({ type: 'note.taken', data: { by } }) as unknown as NewEvent;

/** Writers whose calls fail before or after their effect, and who repeat each request under its key until they know. */
async function tell(seed: number) {
  const random = new Random(seed);
  const faults = new Faults(random);
  const storage = new MemoryCommitStorage();
  const streams = ['note-a', 'note-b', 'note-c'];
  const open = () => new EventStore(faults.unreliable(storage), { catalogue });
  const untilKnown = async <T>(work: (store: EventStore) => Promise<T>): Promise<T | undefined> => {
    for (;;) {
      faults.dead = false;
      try {
        return await work(open());
      } catch (error) {
        if (error instanceof TransactionConflictError) return undefined;
        if (!(error instanceof UnavailableError)) throw error;
      }
    }
  };
  const written = new Set<string>();
  const writer = async (name: string) => {
    for (let turn = 0; turn < 6; turn++) {
      const by = `${name}-${turn * 5}`;
      const [first = '', second = '', third = ''] = streams.toSorted(() => random.next() - 0.5);
      if (random.chance(0.4)) {
        await untilKnown((store) => store.append(first, [noted(by)], { expectedVersion: 'any', commitId: by }));
        written.add(by);
        continue;
      }
      const checks = random.chance(0.5) ? [{ streamId: third, version: await storage.head(third) }] : [];
      const appends = [first, second].map((streamId) => ({
        streamId,
        expectedVersion: 'any' as const,
        events: [noted(by)],
      }));
      if (await untilKnown((store) => store.transact({ appends, checks }, { commitId: by }))) written.add(by);
    }
  };
  await Promise.all(['w', 'x', 'y'].map(writer));
  const store = new EventStore(storage, { catalogue });
  const events = await Promise.all(streams.map((stream) => Array.fromAsync(store.read(stream))));
  const tagged = (await Array.fromAsync(store.tagged('even-ten'))).map(({ number }) => number);
  return { events, tagged, written, faults: faults.count };
}

it(`in ${SEEDS} seeds every transaction is whole and once, every stream and every tag without a gap`, async () => {
  let faults = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const told = await tell(seed);
    faults += told.faults;
    for (const stream of told.events) {
      expect(stream.map(({ sequenceNumber }) => sequenceNumber)).toEqual(stream.map((_, index) => index + 1));
    }
    const all = told.events.flat();
    const byRequest = Map.groupBy(all, ({ data }) => (data as unknown as { by: string }).by);
    expect(new Set(byRequest.keys()), `seed ${seed}: what was written`).toEqual(told.written);
    for (const [by, parts] of byRequest) expect(parts, `seed ${seed}: ${by}`).toHaveLength(sizeOf(parts[0]));
    const count = all.filter(({ data }) => (data as unknown as { by: string }).by.endsWith('0')).length;
    expect(told.tagged).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  }
  expect(faults).toBeGreaterThan(SEEDS);
});

const sizeOf = (event: DomainEvent | undefined): number =>
  (event?.metadata['transaction'] as { size: number } | undefined)?.size ?? 1;
