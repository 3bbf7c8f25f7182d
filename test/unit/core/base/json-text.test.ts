import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answerJson, sharedJson } from '../../../../core/base/json-text.ts';

it('an answer is written as JSON.stringify writes it', async () => {
  const members = fc.dictionary(
    fc.string(),
    fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue(), { minLength: 20, maxLength: 40 })),
  );
  const answers = fc.oneof(fc.jsonValue(), members, fc.array(fc.jsonValue(), { minLength: 20, maxLength: 40 }));
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      expect(await answerJson(answer)).toBe(JSON.stringify(answer));
    }),
  );
  const holes = { gone: undefined, items: Array.from({ length: 20 }, (_, n) => (n % 2 ? undefined : n)) };
  expect(await answerJson(holes)).toBe(JSON.stringify(holes));
});

it('others have their turns while a long list is written', async () => {
  const items = Array.from({ length: 400 }, () => ({ text: 'x'.repeat(50_000) }));
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await answerJson({ items });
  done = true;
  expect(turns).toBeGreaterThan(1);
});

it('a text that answers share is made once', async () => {
  let made = 0;
  const event = {
    toJSON: () => {
      made += 1;
      return { type: 'a' };
    },
  };
  expect(sharedJson(event)).toBe('{"type":"a"}');
  expect(await answerJson({ events: Array.from({ length: 20 }, () => event) })).toContain('{"type":"a"},{"type":"a"}');
  expect(made).toBe(1);
});
