import { expect, it } from 'vitest';
import { AgentRecorder } from '../../../sources/agent-recorder.ts';

const told = { key: 'step:1', place: 'line 1' };

it('a step with half a surrogate is kept, with U+FFFD in its place', () => {
  const { event } = new AgentRecorder('a').step(told, { action: 'ls \ud83d', observation: 'é\udc00' });
  expect(event.data).toEqual({ agentId: 'a', action: 'ls \ufffd', observation: 'é\ufffd' });
});

it('a step that is larger than a request is kept, with its long texts cut', () => {
  const step = { action: 'cat big', observation: '\u0001'.repeat(3_000_000), usage: { inputTokens: 5 } };
  const kept = { result: 'x'.repeat(1_000_000) };
  const { event } = new AgentRecorder('a').step({ ...told, kept }, step);
  expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(5 * 1024 * 1024);
  expect(event.data).toMatchObject({
    action: 'cat big',
    observation: expect.stringMatching(/… \(3000000 characters\)$/),
    usage: { inputTokens: 5 },
  });
  expect(event.metadata).toMatchObject({ shortenedFrom: expect.stringMatching(/^\d+ bytes$/) });
});
