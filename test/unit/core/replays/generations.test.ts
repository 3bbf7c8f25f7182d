import { describe, expect, it } from 'vitest';
import { Generations } from '../../../../core/replays/generations.ts';
import { MemoryControlStore } from '../../../support/memory-control.ts';

const building = { generation: 2, replayId: 'r', follows: true };

describe('Generations', () => {
  it('start with the first generation live, and nothing built', async () => {
    const generations = new Generations(new MemoryControlStore(), { maxAgeMs: 0 });
    expect(await generations.live('agent-status')).toBe(1);
    expect(await generations.wanted('agent-status')).toEqual([1]);
  });

  it('take live commits in a generation from the whole log, and not in a generation of a part', async () => {
    const generations = new Generations(new MemoryControlStore(), { maxAgeMs: Number.POSITIVE_INFINITY });
    await generations.change('whole', (now) => ({ ...now, building, last: 2 }));
    await generations.change('part', (now) => ({ ...now, building: { ...building, follows: false }, last: 2 }));
    expect(await generations.wanted('whole')).toEqual([2, 1]);
    expect(await generations.wanted('part')).toEqual([1]);
    expect(await generations.live('whole')).toBe(1);
  });

  it('are changed by one writer at a time: no change is lost', async () => {
    const control = new MemoryControlStore();
    const writers = Array.from({ length: 8 }, () => new Generations(control, { maxAgeMs: 0 }));
    await Promise.all(writers.map((own, n) => own.change(`p${n % 2}`, (now) => ({ ...now, last: now.last + 1 }))));
    const reader = new Generations(control, { maxAgeMs: 0 });
    expect([await reader.read('p0'), await reader.read('p1')]).toEqual([
      { live: 1, last: 5 },
      { live: 1, last: 5 },
    ]);
  });

  it('are read again when the last read is too old, and not before', async () => {
    const control = new MemoryControlStore();
    let now = 0;
    const warm = new Generations(control, { maxAgeMs: 1_000, now: () => now });
    expect(await warm.live('agent-status')).toBe(1);
    await new Generations(control, { maxAgeMs: 0 }).change('agent-status', () => ({ live: 2, last: 2 }));
    now = 1_000;
    expect(await warm.live('agent-status')).toBe(1);
    now = 1_001;
    expect(await warm.live('agent-status')).toBe(2);
  });

  it('refuse a change with the error of the change', async () => {
    const generations = new Generations(new MemoryControlStore(), { maxAgeMs: 0 });
    const refuse = () => {
      throw new Error('one at a time');
    };
    await expect(generations.change('agent-status', refuse)).rejects.toThrow('one at a time');
  });
});
