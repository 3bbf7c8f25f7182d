import { ulid } from 'ulid';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { TransactionConflictError, ValidationError } from '../../core/base/errors.ts';
import { catalogueOf, type NewEvent } from '../../core/events/catalogue.ts';
import { defineEvent } from '../../core/events/define.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { passing } from '../support/passing-storage.ts';

const seatTaken = defineEvent({
  type: 'seat.taken',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'seat',
  description: 'A student takes a seat in a course',
  data: z.strictObject({ course: z.string(), student: z.string() }),
  sensitive: [],
  tags: ({ course, student }) => [`course:${course}`, `student:${student}`],
});
const catalogue = catalogueOf([seatTaken]);

const seat = (course: string, student: string): NewEvent =>
  ({ type: 'seat.taken', data: { course, student } }) as unknown as NewEvent;
const newSeat = () => `seat-${ulid()}`;

/** All events of a tag after a number, and the number of the last. */
async function read(store: EventStore, tag: string, after = 0) {
  const commits = await Array.fromAsync(store.tagged(tag, after));
  return { events: commits.flatMap(({ events }) => events), version: commits.at(-1)?.number ?? after };
}

/** Events are found and counted by their tags, and an append can demand that no further event has a tag. */
export function tagContract(storage: () => CommitStorage): void {
  const open = () => new EventStore(storage(), { catalogue });

  test('the events of a tag are read in order over all streams, from any number on', async () => {
    const store = open();
    const [course, ada, bob] = [ulid(), ulid(), ulid()];
    const [a, b] = [newSeat(), newSeat()];
    await store.append(a, [seat(course, ada)], { expectedVersion: 0 });
    await store.append(b, [seat('other', ada), seat(course, bob)], { expectedVersion: 'any' });
    await store.transact({ appends: [{ streamId: a, expectedVersion: 1, events: [seat(course, bob)] }] });
    const placesOf = async (tag: string, after = 0) =>
      (await read(store, tag, after)).events.map((event) => [`seat-${event.aggregateId}`, event.sequenceNumber]);
    const places = [[a, 1], [b, 2], [a, 2]]; // biome-ignore format: a list
    expect(await placesOf(`course:${course}`)).toEqual(places);
    expect(await placesOf(`course:${course}`, 1)).toEqual(places.slice(1));
    expect(await placesOf(`course:${course}`, 3)).toEqual([]);
    expect(await placesOf(`student:${bob}`)).toEqual([[b, 2], [a, 2]]); // biome-ignore format: a list
    expect(await read(store, `student:${ulid()}`)).toEqual({ events: [], version: 0 });
  });

  test('more than a page of entries is read whole', async () => {
    const store = open();
    const course = ulid();
    for (let version = 0; version < 120; version += 1) {
      await store.append(`seat-${course}`, [seat(course, 's')], { expectedVersion: version, headKnown: true });
    }
    const { events, version } = await read(store, `course:${course}`);
    expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(Array.from({ length: 120 }, (_, n) => n + 1));
    expect(version).toBe(120);
  });

  test('a condition holds while no further event has the tag', async () => {
    const store = open();
    const tag = `course:${ulid()}`;
    const course = tag.slice('course:'.length);
    const take = (after: number) =>
      open().transact({
        appends: [{ streamId: newSeat(), expectedVersion: 0, events: [seat(course, ulid())] }],
        conditions: [{ tag, after }],
      });
    await take(0);
    await expect(take(0)).rejects.toThrow(`tag ${tag} is at version 1, expected 0`);
    await expect(take(2)).rejects.toMatchObject({ conflicts: [{ tag, expectedVersion: 2, actualVersion: 1 }] });
    await take(1);
    const watching = {
      appends: [{ streamId: newSeat(), expectedVersion: 0, events: [seat('other', 's')] }],
      conditions: [{ tag, after: 1 }],
    };
    await expect(store.transact(watching)).rejects.toThrow(TransactionConflictError);
    await store.transact({ ...watching, conditions: [{ tag, after: 2 }] });
    expect((await read(store, tag)).version).toBe(2);
  });

  test('an event between the read of a tag and the write refuses the condition', async () => {
    const [course, stream] = [ulid(), newSeat()];
    const tag = `course:${course}`;
    const inner = storage();
    const take = () => open().append(newSeat(), [seat(course, 's')], { expectedVersion: 0 });
    await take();
    const meanwhile = {
      ...passing(inner),
      async transact(change: Parameters<CommitStorage['transact']>[0]) {
        await take();
        return inner.transact(change);
      },
    };
    for (const events of [[seat('other', ulid())], [seat(course, ulid())]]) {
      const { version: after } = await read(open(), tag);
      const transaction = { appends: [{ streamId: stream, expectedVersion: 0, events }], conditions: [{ tag, after }] };
      await expect(new EventStore(meanwhile, { catalogue }).transact(transaction)).rejects.toMatchObject({
        conflicts: [{ tag, expectedVersion: after, actualVersion: after + 1 }],
      });
    }
    expect(await open().head(stream)).toBe(0);
  });

  test('of several writers under one condition one wins, and appends without a condition all win', async () => {
    const course = ulid();
    const tag = `course:${course}`;
    const append = () => ({ streamId: newSeat(), expectedVersion: 0, events: [seat(course, ulid())] });
    const settled = await Promise.allSettled(
      Array.from({ length: 6 }, () => open().transact({ appends: [append()], conditions: [{ tag, after: 0 }] })),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const free = Array.from({ length: 6 }, () => open().append(newSeat(), append().events, { expectedVersion: 0 }));
    await Promise.all([...free, open().transact({ appends: [append(), append()] })]);
    const { events, version } = await read(open(), tag);
    expect(version).toBe(9);
    expect(new Set(events.map(({ id }) => id)).size).toBe(9);
  });

  test('a repeat under a key is found for appends with tags', async () => {
    const store = open();
    const [course, stream] = [ulid(), newSeat()];
    const append = () =>
      store.append(stream, [seat(course, 's')], { expectedVersion: 'any', commitId: `key-${course}` });
    const first = await append();
    expect(await append()).toEqual({ ...first, repeated: true });
    const stale = store.append(stream, [seat(course, 's')], { expectedVersion: 0 });
    await expect(stale).rejects.toMatchObject({ code: 'CONCURRENCY_CONFLICT', actualVersion: 1 });
    expect((await read(store, `course:${course}`)).version).toBe(1);
  });

  test('a tag of a wrong form, and tags beyond the items of a transaction, are refused', async () => {
    const store = open();
    const wrong = store.append(newSeat(), [seat('a b', 's')], { expectedVersion: 0 });
    await expect(wrong).rejects.toThrow(ValidationError);
    await expect(wrong).rejects.toThrow(/events\.0: gives the tag "course:a b"/);
    const events = Array.from({ length: 99 }, (_, n) => seat(`c${n}`, 's'));
    const many = store.append(newSeat(), events, { expectedVersion: 0 });
    await expect(many).rejects.toThrow(/takes 101 items, 100 at most: 1 appends, 100 tags of events/);
    const unknown = store.transact({
      appends: [{ streamId: newSeat(), expectedVersion: 0, events: [seat('c', 's')] }],
      conditions: [{ tag: 'c', after: 0 }, { tag: 'c', after: 1 }], // biome-ignore format: a list
    });
    await expect(unknown).rejects.toThrow(/names a tag twice/);
  });
}
