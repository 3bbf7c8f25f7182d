import { ulid } from 'ulid';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidIdError } from '../../core/base/errors.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

/** The contract of an object store. `createObjects` is called once; each test uses another folder. */
export function objectStoreContract(name: string, createObjects: () => Promise<ObjectStore>): void {
  describe(`object store on ${name}`, () => {
    let created: ObjectStore | undefined;
    beforeAll(async () => {
      created = await createObjects();
    });
    const objects = (): ObjectStore => {
      if (!created) throw new Error('the object store was not created');
      return created;
    };
    describe('objects', () => objectContract(objects));
    describe('lists', () => listContract(objects));
  });
}

const newFolder = (): string => `test/${ulid()}`;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function objectContract(objects: () => ObjectStore): void {
  const text = async (key: string) => {
    const bytes = await objects().get(key);
    return bytes && new TextDecoder().decode(bytes);
  };

  test('an unwritten object is absent, and can be deleted', async () => {
    const key = `${newFolder()}/none`;
    expect(await objects().get(key)).toBeUndefined();
    await objects().delete(key);
  });

  test.each([0, 1, 65_537, 6_000_000])('%i bytes are read as they were written', async (size) => {
    const key = `${newFolder()}/agent-a~b:c.d/1`;
    const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
    expect(await objects().put(key, bytes)).toBe(true);
    const read = await objects().get(key);
    expect(read && Buffer.compare(read, bytes)).toBe(0);
  });

  test('an object is replaced as a whole, and absent after its deletion', async () => {
    const key = `${newFolder()}/a`;
    await objects().put(key, bytesOf('a long first text'));
    expect(await objects().put(key, bytesOf('short'))).toBe(true);
    expect(await text(key)).toBe('short');
    await objects().delete(key);
    expect(await text(key)).toBeUndefined();
    expect(await objects().put(key, bytesOf('anew'), { ifAbsent: true })).toBe(true);
    expect(await text(key)).toBe('anew');
  });

  test('the first object stays when a second write needs an absent object', async () => {
    const key = `${newFolder()}/a`;
    expect(await objects().put(key, bytesOf('first'), { ifAbsent: true })).toBe(true);
    expect(await objects().put(key, bytesOf('second'), { ifAbsent: true })).toBe(false);
    expect(await text(key)).toBe('first');
  });

  test('one of several writers that need an absent object wins, and its bytes are stored', async () => {
    const key = `${newFolder()}/a`;
    const writers = Array.from({ length: 6 }, (_, writer) => `writer ${writer}`);
    const won = await Promise.all(writers.map((writer) => objects().put(key, bytesOf(writer), { ifAbsent: true })));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await text(key)).toBe(writers[won.indexOf(true)]);
  });

  test.each(['', '/a', 'a/', 'a//b', 'a/../b', '.', 'a/.b', 'é', 'a b', 'a\\b', 'a\u0000', `a/${'b'.repeat(201)}`])(
    'the key %j is refused',
    async (key) => {
      await expect(objects().put(key, bytesOf('x'))).rejects.toThrow(InvalidIdError);
      await expect((async () => objects().get(key))()).rejects.toThrow(InvalidIdError);
      await expect((async () => objects().delete(key))()).rejects.toThrow(InvalidIdError);
    },
  );
}

function listContract(objects: () => ObjectStore): void {
  const keys = async (prefix: string, after?: string) =>
    (await Array.fromAsync(objects().list(prefix, { after }))).map(({ key }) => key);

  test('keys are listed in order across folders', async () => {
    const folder = newFolder();
    const names = ['a', 'a-1/x', 'a.b', 'a:', 'B/1', 'b/10', 'b/2', 'b/2.x/y', 'b:', '0', 'z/z/z', 'a~/0', 'a0'];
    for (const name of names) await objects().put(`${folder}/${name}`, bytesOf(name));
    const sorted = names
      .map((name) => `${folder}/${name}`)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await keys(`${folder}/`)).toEqual(sorted);
    for (const [index, key] of sorted.entries()) {
      expect(await keys(`${folder}/`, key), `after ${key}`).toEqual(sorted.slice(index + 1));
    }
    expect(await keys(`${folder}/b`)).toEqual(sorted.filter((key) => key.startsWith(`${folder}/b`)));
    expect(await keys(`${folder}/b/2`)).toEqual([`${folder}/b/2`, `${folder}/b/2.x/y`]);
    expect(await keys(`${folder}/b/`, `${folder}/b/15`)).toEqual([`${folder}/b/2`, `${folder}/b/2.x/y`]);
    expect(await keys(`${folder}/nothing`)).toEqual([]);
  });

  test('a list has the size and time of each object, and a reader can stop early', async () => {
    const folder = newFolder();
    const before = Date.now();
    for (const name of ['1', '2', '3']) await objects().put(`${folder}/${name}`, bytesOf(name.repeat(Number(name))));
    for await (const { key, bytes, modifiedAt } of objects().list(folder)) {
      expect(key).toBe(`${folder}/1`);
      expect(bytes).toBe(1);
      expect(Math.abs(Date.parse(modifiedAt) - before)).toBeLessThan(5_000); // S3 stores seconds
      break;
    }
    await objects().delete(`${folder}/2`);
    expect(await keys(`${folder}/`)).toEqual([`${folder}/1`, `${folder}/3`]);
  });
}
