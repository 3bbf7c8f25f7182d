import { expect, it } from 'vitest';
import { catalogueOf } from '../../../../core/events/catalogue.ts';
import { MAX_AGE_MS, RegisteredTypes, type Registration } from '../../../../core/store/registered-types.ts';
import { definitions } from '../../../../events/catalogue.ts';

/** A registry of one type, whose schema is the only allowed value of `data.value`. */
function registry(unknownEvents: 'accept' | 'refuse' = 'refuse') {
  const state = { allowed: undefined as number | undefined, version: 0, reads: 0, compiled: 0, now: 0 };
  const types = new RegisteredTypes({
    catalogue: catalogueOf(definitions, { unknownEvents }),
    now: () => state.now,
    newest: async () => {
      state.reads += 1;
      const { version, allowed } = state;
      const data = { type: 'note.written', aggregateType: 'note', version, schema: { allowed } };
      return allowed === undefined ? undefined : ({ data } as unknown as Registration);
    },
    compile: async ({ allowed }) => {
      state.compiled += 1;
      return (data) => ((data as { value: number }).value === allowed ? [] : [{ path: 'value', message: 'is wrong' }]);
    },
  });
  const check = (...values: number[]) =>
    types.check('note', values.map((value) => ({ type: 'note.written', data: { value } })) as never);
  return { state, check, register: (allowed: number) => Object.assign(state, { allowed, version: state.version + 1 }) };
}

it('a type is read once and compiled once for many events', async () => {
  const { state, check, register } = registry();
  register(1);
  expect(await check(1, 1, 1)).toEqual([1, 1, 1]);
  expect(await Promise.all([check(1), check(1, 1)])).toEqual([[1], [1, 1]]);
  expect(state).toMatchObject({ reads: 1, compiled: 1 });
});

it('what an older version refuses is checked by the newest; what it accepts, for 5 seconds at most', async () => {
  const { state, check, register } = registry();
  register(1);
  await check(1);
  register(2);
  state.now += 1;
  expect(await check(1)).toEqual([1]);
  expect(await check(2)).toEqual([2]);
  state.now += 1;
  await expect(check(1)).rejects.toThrow('events.0.data.value: is wrong');
  register(3);
  state.now += MAX_AGE_MS + 1;
  await expect(check(2)).rejects.toThrow('is wrong');
  expect(state.compiled).toBe(3);
});

it('a type is known right after its registration', async () => {
  const { state, check, register } = registry();
  await expect(check(1)).rejects.toThrow('is not a known event type; PUT /event-types/note.written registers it');
  state.now += 1;
  register(1);
  expect(await check(1)).toEqual([1]);
});

it('an accepted type is checked from 5 seconds after its registration on', async () => {
  const { state, check, register } = registry('accept');
  expect(await check(7)).toEqual([1]);
  register(1);
  state.now += MAX_AGE_MS + 1;
  await expect(check(7)).rejects.toThrow('is wrong');
});

it('names every event that is refused', async () => {
  const { check, register } = registry();
  register(1);
  await expect(check(1, 2, 3)).rejects.toMatchObject({
    issues: [{ path: 'events.1.data.value' }, { path: 'events.2.data.value' }],
  });
});
