import { describe, expect, it } from 'vitest';
import { findText } from '../../../../core/events/find-text.ts';

describe('findText', () => {
  it('finds the first place in nested members, whatever the case', async () => {
    const data = { action: 'look', result: { items: [{ n: 1 }, { text: 'the Colon is missing' }, 'colon'] } };
    expect(await findText(data, 'cOLON')).toEqual({
      path: 'result.items.1.text',
      at: 4,
      excerpt: 'the Colon is missing',
    });
    expect(await findText('a colon', 'colon')).toMatchObject({ path: '', at: 2 });
  });

  it('searches values and no names of members, numbers or words of JSON', async () => {
    const data = { colon: 1, yes: true, none: null, empty: '', list: [], object: {} };
    for (const text of ['colon', '1', 'true', 'null', '{', '"']) expect(await findText(data, text)).toBeUndefined();
  });

  it('takes every character for itself', async () => {
    for (const text of ['.*', '%', '_', '\\', '[a', '$&', '(?i)', '\n']) {
      expect(await findText({ a: 'plain text' }, text), text).toBeUndefined();
      expect(await findText({ a: `with ${text}.` }, text), text).toMatchObject({ at: 5 });
    }
  });

  it('ignores case in any script, and its places are those of the text as stored', async () => {
    expect(await findText(['ÄRGER über Straße'], 'ärger ÜBER')).toMatchObject({ at: 0 });
    expect(await findText(['ΟΔΟΣ'], 'οδος')).toMatchObject({ at: 0 });
    expect(await findText(['ΟΔΟΣΑ'], 'ΟΔΟΣ')).toMatchObject({ at: 0 });
    expect(await findText(['İİİ here'], 'HERE')).toMatchObject({ at: 4 });
    expect(await findText(['ПРИВЕТ, мир'], 'привет, МИР')).toMatchObject({ at: 0 });
    expect(await findText(['ok 👩‍💻 done'], '👩‍💻')).toMatchObject({ at: 3 });
  });

  it('cuts about 160 characters around the text, and no character in two', async () => {
    const found = await findText([`${'😀'.repeat(100)}x needle x${'😀'.repeat(100)}`], 'needle');
    expect(found?.excerpt).toBe(`${'😀'.repeat(39)}x needle x${'😀'.repeat(39)}`);
    expect(found?.at).toBe(202);
  });

  it('finds a text at each place of a large string, also where it reads in steps', async () => {
    for (const at of [0, 65_530, 65_535, 65_536, 65_537, 131_070, 300_000 - 6]) {
      const string = `${'x'.repeat(at)}Needle${'x'.repeat(300_000 - 6 - at)}`;
      expect(await findText([string], 'needle')).toMatchObject({ at });
    }
    expect(await findText(['x'.repeat(300_000)], 'needle')).toBeUndefined();
  });

  it('lets others work during a search that repeats itself at every place', async () => {
    const data = { a: 'a'.repeat(10_000_000), b: Array.from({ length: 300_000 }, (_, index) => index) };
    let others = 0;
    const timer = setInterval(() => others++, 1);
    const found = await findText(data, `b${'a'.repeat(255)}`);
    clearInterval(timer);
    expect(found).toBeUndefined();
    expect(others).toBeGreaterThan(1);
  });
});
