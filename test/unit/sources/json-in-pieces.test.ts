import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../sources/otlp/json-in-pieces.ts';
import { MalformedRequestError } from '../../../sources/otlp/malformed.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const long = 'ü€😀"\\ '.repeat(60_000);

describe('a body of JSON', () => {
  it.each([
    ['small', { a: [1, -2.5e3, true, null, '\u00e9'] }],
    ['large', { long, list: Array.from({ length: 2_000 }, (_, index) => ({ index, text: `value ${index}` })) }],
  ])('that is %s is what JSON.parse reads', async (_, value) => {
    const text = JSON.stringify(value, undefined, 1);
    expect(await parseJson(bytesOf(`\ufeff${text}\n`))).toEqual(JSON.parse(text));
  });

  it('that is large gives others their turns', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await parseJson(bytesOf(JSON.stringify(Array.from({ length: 50_000 }, (_, index) => ({ index })))));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });

  it.each([
    ['ends early', `{"a":"${'x'.repeat(600_000)}`],
    ['goes on after its end', `${JSON.stringify({ long })} x`],
    ['is not JSON', '{x'],
    ['is empty', ''],
  ])('that %s is refused', async (_, text) => {
    await expect(parseJson(bytesOf(text))).rejects.toThrow(MalformedRequestError);
  });

  it('that is not UTF-8 is refused', async () => {
    const start = bytesOf(`{"a":"${'x'.repeat(600_000)}`);
    const body = new Uint8Array([...start, 0xff, 0x22, 0x7d]);
    await expect(parseJson(body)).rejects.toThrow('the body is not UTF-8');
  });
});
