import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { upcast } from '../../../core/store/upcast.ts';
import { standardUsage, usage } from '../../../events/usage.ts';
import { catalogue, recordedEventSchema } from '../../support/application.ts';

describe('usage', () => {
  it('accepts amounts under standard names and other names, and refuses everything else', () => {
    for (const taken of [{}, { inputTokens: 1, costUsd: 0.5 }, { apiCalls: 3, 'gpu/s': 2.5, constructor: 1 }]) {
      expect(usage.safeParse(taken).data).toEqual(taken);
    }
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`r${n}`, 1]));
    for (const refused of [
      { inputTokens: -1 },
      { apiCalls: 1e300 },
      { x: '1' },
      many,
      { ['n'.repeat(65)]: 1 },
      { '': 1 },
    ]) {
      expect(usage.safeParse(refused).success, JSON.stringify(refused).slice(0, 50)).toBe(false);
    }
  });

  it.each([
    [
      { tokensSent: 5, tokensReceived: 2, cost: 0.5, apiCalls: 1 },
      { inputTokens: 5, outputTokens: 2, costUsd: 0.5, apiCalls: 1 },
    ],
    [{ tokens: 7 }, { inputTokens: 7 }],
    [
      { tokens: 7, tokensSent: 5 },
      { tokens: 7, inputTokens: 5 },
    ],
    [
      { tokens: 7, outputTokens: 2 },
      { tokens: 7, outputTokens: 2 },
    ],
    [
      { cost: 1, costUsd: 2 },
      { cost: 1, costUsd: 2 },
    ],
    [
      { inputTokens: 1, constructor: 2 },
      { inputTokens: 1, constructor: 2 },
    ],
  ])('%o of an older event is read as %o', (older, standard) => {
    expect(standardUsage(older)).toEqual(standard);
    const sample = new URL('../../../events/samples/agent.step-recorded.v1.json', import.meta.url);
    const event = JSON.parse(readFileSync(sample, 'utf8'));
    const read = upcast(
      { ...event, data: { ...event.data, usage: older } },
      { stream: 's', sequenceNumber: 1 },
      catalogue,
    );
    expect(read).toMatchObject({ version: 2, data: { usage: standard } });
    expect(recordedEventSchema.parse(read)).toEqual(read);
  });

  it('of an older event is read unchanged, also beyond the current limits', () => {
    const place = { stream: 's', sequenceNumber: 1 };
    const data = { agentId: '1', action: 'a', durationMs: 1.7e308, usage: { tokens: 1e300, other: -1 } };
    const read = upcast({ type: 'agent.step-recorded', version: 1, data }, place, catalogue);
    expect(read.data).toEqual({ ...data, usage: { inputTokens: 1e300, other: -1 } });
    const bare = upcast(
      { type: 'agent.step-recorded', version: 1, data: { agentId: '1', action: 'a' } },
      place,
      catalogue,
    );
    expect(bare.data).toEqual({ agentId: '1', action: 'a' });
  });
});
