import { decodeTime, monotonicFactory, ulid } from 'ulid';
import { expect, test } from 'vitest';
import { ConcurrencyError, EventIdTakenError, ValidationError } from '../../core/base/errors.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MAX_GIVEN_IDS } from '../../core/store/new-events.ts';
import { catalogue } from '../support/application.ts';
import { fill, newStream, step } from '../support/sample-events.ts';

const named = (id: string, action = id): NewEvent => ({ ...step(action), id });

/** Ids that callers give to events are unique in their stream. */
export function eventIdContract(storage: () => CommitStorage): void {
  test('a second event with the same id in a stream is refused, and the error names the place of the first', async () => {
    const store = new EventStore(storage(), { catalogue });
    const [stream, other] = [newStream(), newStream()];
    await fill(store, stream, [2]);
    await store.append(stream, [step('x'), named('a'), named('b')], { expectedVersion: 2 });
    for (const expectedVersion of [5, 'any', 'exists'] as const) {
      const append = store.append(stream, [named('new'), named('b', 'other')], { expectedVersion });
      const error = await append.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(EventIdTakenError);
      expect(error).toMatchObject({
        taken: new Map([['b', 5]]),
        message: expect.stringContaining('b at sequence number 5'),
      });
    }
    expect(await store.head(stream)).toBe(5);
    expect(await store.append(stream, [named('new')], { expectedVersion: 5 })).toMatchObject({ toVersion: 6 });
    expect(await store.append(other, [named('a')], { expectedVersion: 0 })).toMatchObject({ toVersion: 1 });
  });

  test('an id of a refused append stays free', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await store.append(stream, [named('a')], { expectedVersion: 0 });
    await expect(store.append(stream, [named('b'), named('a')], { expectedVersion: 1 })).rejects.toThrow(
      EventIdTakenError,
    );
    await expect(store.append(stream, [named('b')], { expectedVersion: 0 })).rejects.toThrow(ConcurrencyError);
    expect(await store.append(stream, [named('b')], { expectedVersion: 1 })).toMatchObject({ toVersion: 2 });
  });

  test('an id that Annals made is also unique, at every place of a commit', async () => {
    const stream = newStream();
    let time = Date.parse('2026-01-01T00:00:00Z');
    const clock = monotonicFactory();
    const store = new EventStore(storage(), { catalogue, now: () => new Date(time), newId: () => clock(time) });
    const made = new Map<string, number>();
    for (let version = 0; version < 24; ) {
      const size = 1 + (version % 3);
      const { eventIds } = await store.append(
        stream,
        Array.from({ length: size }, () => step('x')),
        {
          expectedVersion: version,
        },
      );
      for (const id of eventIds) made.set(id, ++version);
      time += version % 2 ? 400 : 30_000;
    }
    for (const [id, place] of made) {
      for (const expectedVersion of [24, 'any'] as const) {
        const error = await store.append(stream, [named(id)], { expectedVersion }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(EventIdTakenError);
        expect(error).toMatchObject({ taken: new Map([[id, place]]) });
      }
    }
    const all = [...made.keys()].map((id) => named(id));
    await expect(store.append(stream, all, { expectedVersion: 24 })).rejects.toMatchObject({ taken: made });
    const others = [Date.parse('2025-01-01'), ...[...made.keys()].map(decodeTime), time, time + 3_600_000];
    const free = others.map((at) => named(ulid(at)));
    expect(await store.append(stream, free, { expectedVersion: 24 })).toMatchObject({ toVersion: 24 + free.length });
    expect(await store.append(newStream(), all, { expectedVersion: 0 })).toMatchObject({ toVersion: 24 });
  });

  test('an append under a key is repeated by its key, with any event ids', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const first = await store.append(stream, [named('a')], { expectedVersion: 0, commitId: 'key' });
    for (const expectedVersion of [0, 'any', 'exists'] as const) {
      const again = await store.append(stream, [named('a')], { expectedVersion, commitId: 'key' });
      expect(again).toEqual({ ...first, repeated: true });
    }
  });

  test('one of many writers with the same id wins, and the others are refused', async () => {
    const stream = newStream();
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        new EventStore(storage(), { catalogue }).append(stream, [named('a')], { expectedVersion: 'any' }),
      ),
    );
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refusals).toHaveLength(5);
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(EventIdTakenError);
    expect(await new EventStore(storage(), { catalogue }).head(stream)).toBe(1);
  });

  test(`an append has at most ${MAX_GIVEN_IDS} events with ids of the caller`, async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const many = Array.from({ length: MAX_GIVEN_IDS + 1 }, () => named(ulid()));
    const refused = store.append(stream, many, { expectedVersion: 0 });
    await expect(refused).rejects.toThrow(ValidationError);
    await expect(refused).rejects.toMatchObject({
      issues: [{ path: 'events', message: expect.stringContaining('append the events in two parts') }],
    });
    const [last = step('x'), ...others] = many;
    const { id: _, ...unnamed } = last;
    const result = await store.append(stream, [...others, unnamed as NewEvent], { expectedVersion: 0 });
    expect(result.toVersion).toBe(MAX_GIVEN_IDS + 1);
    await expect(store.append(stream, others, { expectedVersion: 'any' })).rejects.toThrow(EventIdTakenError);
  });
}
