import { describe, expect, it, vi } from 'vitest';
import { ConcurrencyError } from '../../../../core/base/errors.ts';
import { contention, Lines, untilSettled } from '../../../../core/base/races.ts';

describe('untilSettled', () => {
  it('looks again after a lost race, and returns the first result', async () => {
    const attempt = vi.fn(async () => undefined as string | false | undefined);
    attempt.mockResolvedValueOnce(undefined).mockResolvedValueOnce(false).mockResolvedValueOnce('written');
    expect(await untilSettled(attempt)).toBe('written');
    expect(attempt).toHaveBeenCalledTimes(3);
  });

  it('takes an empty text and zero as results', async () => {
    expect(await untilSettled(async () => '')).toBe('');
    expect(await untilSettled(async () => 0)).toBe(0);
  });

  it('does not repeat an attempt that failed', async () => {
    const attempt = vi.fn(() => Promise.reject(new Error('no storage')));
    await expect(untilSettled(attempt)).rejects.toThrow('no storage');
    expect(attempt).toHaveBeenCalledOnce();
  });
});

describe('contention', () => {
  it('repeats an append that lost a race, as often as it may', async () => {
    const attempt = vi.fn(() => Promise.reject(new ConcurrencyError('agent-1', 'any', 3)));
    await expect(contention(2).execute(attempt)).rejects.toThrow(ConcurrencyError);
    expect(attempt).toHaveBeenCalledTimes(3);
  });

  it('does not repeat an append to a stream that has to exist and does not', async () => {
    const attempt = vi.fn(() => Promise.reject(new ConcurrencyError('agent-1', 'exists', 0)));
    await expect(contention(2).execute(attempt)).rejects.toThrow(ConcurrencyError);
    expect(attempt).toHaveBeenCalledOnce();
  });
});

describe('lines', () => {
  it('run the work on a thing in turn, also after a failure, and that on others beside it', async () => {
    const lines = new Lines();
    const done: string[] = [];
    const gate = Promise.withResolvers<void>();
    const work = (thing: string, name: string, until?: Promise<void>) =>
      lines.inTurn(thing, async () => {
        await until;
        done.push(name);
        if (name === 'fails') throw new Error(name);
      });
    const first = work('a', 'first', gate.promise);
    const fails = work('a', 'fails');
    const last = work('a', 'last');
    await work('b', 'other');
    expect(done).toEqual(['other']);
    gate.resolve();
    await Promise.all([first, expect(fails).rejects.toThrow('fails'), last]);
    await work('a', 'later');
    expect(done).toEqual(['other', 'first', 'fails', 'last', 'later']);
  });
});
