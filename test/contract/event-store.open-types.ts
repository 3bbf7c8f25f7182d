import { ulid } from 'ulid';
import { expect, it } from 'vitest';
import { ValidationError } from '../../core/base/errors.ts';
import { catalogueOf } from '../../core/events/catalogue.ts';
import type { JsonObject } from '../../core/events/json.ts';
import { compileLater } from '../../core/schemas/compile-later.ts';
import { registerType } from '../../core/schemas/register-type.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { definitions } from '../../events/catalogue.ts';

const catalogues = {
  accept: catalogueOf(definitions, { unknownEvents: 'accept' }),
  refuse: catalogueOf(definitions),
};
const TEXT: JsonObject = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };
const NUMBER: JsonObject = { type: 'object', properties: { text: { type: 'number' } }, required: ['text'] };

/** What streams take of types that no module declares. */
export function openTypesContract(storage: () => CommitStorage): void {
  const host = (unknownEvents: 'accept' | 'refuse' = 'refuse') =>
    new EventStore(storage(), { catalogue: catalogues[unknownEvents], compile: compileLater });
  const newType = () => `note${ulid().toLowerCase()}.written`;
  const event = (type: string, data: JsonObject = { text: 'x' }) => ({ type, data }) as never;
  const newNote = () => `note-${ulid()}`;
  const register = (store: EventStore, type: string, schema = TEXT, compatibility: 'backward' | 'none' = 'backward') =>
    registerType(store, { type, aggregateType: 'note', schema, compatibility });
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => 'accepted',
      (error: unknown) => {
        if (error instanceof ValidationError) return error.message;
        throw error;
      },
    );

  it('takes any type in a stream that no module declares, if the application accepts it', async () => {
    const [type, stream] = [newType(), newNote()];
    const data = { constructor: 1, deep: [{ text: '✓' }] };
    await host('accept').append(stream, [event(type, data)], { expectedVersion: 0 });
    for (const reader of [host('accept'), host('refuse')]) {
      const [read] = await Array.fromAsync(reader.read(stream));
      expect(read).toMatchObject({ type, version: 1, aggregateType: 'note', data });
    }
    expect(await refusal(host('refuse').append(stream, [event(type)], { expectedVersion: 1 }))).toContain(
      `events.0.type: is not a known event type; PUT /event-types/${type} registers it`,
    );
  });

  it('keeps declared streams and declared types to themselves', async () => {
    const store = host('accept');
    const append = (stream: string, type: string) =>
      refusal(store.append(stream, [event(type)], { expectedVersion: 0 }));
    expect(await append(`agent-${ulid()}`, newType())).toMatch(/not a known event type of agent streams/);
    expect(await append(newNote(), 'task.failed')).toContain('events.0.data.taskId');
    expect(await append(newNote(), 'task.misspelt')).toMatch(/known are task\.requested/);
    for (const name of ['saga.anything', 'eventtype.anything'])
      expect(await append(newNote(), name)).toMatch(/known are/);
    for (const name of ['note', 'Note.written', 'note.', `a.${'b'.repeat(1_000)}`, 'note.__proto__', 'ünote.written']) {
      expect(await append(newNote(), name)).toMatch(/must be <subject>/);
    }
  });

  it('takes a registered type on every host right after its registration, with the version that checked it', async () => {
    const [writer, other, type, stream] = [host(), host(), newType(), newNote()];
    expect(await refusal(other.append(stream, [event(type)], { expectedVersion: 0 }))).toMatch(/not a known/);
    expect(await register(writer, type)).toMatchObject({ isNew: true, data: { version: 1 } });
    await other.append(stream, [event(type)], { expectedVersion: 0 });
    expect(await refusal(other.append(stream, [event(type, { text: 1 })], { expectedVersion: 1 }))).toBe(
      'events.0.data.text: must be string',
    );
    expect(await refusal(other.append(`cart-${ulid()}`, [event(type)], { expectedVersion: 0 }))).toBe(
      'events.0.type: belongs in note streams, this is cart',
    );
    expect(await register(writer, type, NUMBER, 'none')).toMatchObject({ isNew: true, data: { version: 2 } });
    await other.append(stream, [event(type, { text: 1 }), event(type, { text: 2 })], { expectedVersion: 1 });
    const versions = (await Array.fromAsync(writer.read(stream))).map(({ version }) => version);
    expect(versions).toEqual([1, 2, 2]);
  });

  it('registers the same schema once, also for two callers at once', async () => {
    const type = newType();
    const both = await Promise.all([register(host(), type), register(host(), type)]);
    expect(both.map(({ isNew }) => isNew).toSorted()).toEqual([false, true]);
    expect(await register(host(), type, { ...TEXT, required: ['text'] })).toMatchObject({ isNew: false });
    const wider = ['a', 'b'].map((name) => ({
      ...TEXT,
      properties: { ...(TEXT['properties'] as object), [name]: {} },
    }));
    const versions = await Promise.all(wider.map((schema) => register(host(), type, schema as JsonObject)));
    expect(versions.map(({ data }) => data.version).toSorted()).toEqual([2, 3]);
  });

  it('refuses a schema that takes less, a declared type and another aggregate type', async () => {
    const [store, type] = [host(), newType()];
    await register(store, type);
    expect(await refusal(register(store, type, NUMBER))).toMatch(/schema\.properties\.text\.type: takes no string/);
    const request = { schema: TEXT, compatibility: 'none' } as const;
    await expect(registerType(store, { ...request, type: 'agent.created', aggregateType: 'note' })).rejects.toThrow(
      'agent.created is declared by the application',
    );
    await expect(registerType(store, { ...request, type, aggregateType: 'agent' })).rejects.toThrow(
      'agent streams take',
    );
    await expect(registerType(store, { ...request, type, aggregateType: 'cart' })).rejects.toThrow('cannot change');
    const foreign = registerType(store, { ...request, type: 'agent.moved', aggregateType: 'note' });
    expect(await refusal(foreign)).toMatch(/subject agent/);
  });
}
