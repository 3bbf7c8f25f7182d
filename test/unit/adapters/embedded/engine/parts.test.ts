import { describe, expect, it } from 'vitest';
import { closeParts, type Part, startParts } from '../../../../../adapters/embedded/engine/parts.ts';

describe('the parts of the engine', () => {
  const listOf = (...failing: string[]) => {
    const seen: string[] = [];
    const parts = ['folder', 'consumer', 'store'].map(
      (name): Part => ({
        name,
        start: () => void seen.push(`start ${name}`),
        close: async () => {
          seen.push(`close ${name}`);
          if (failing.includes(name)) throw new Error('disk');
        },
      }),
    );
    return { seen, parts };
  };

  it('start in their order and close in the reverse', async () => {
    const { seen, parts } = listOf();
    startParts(parts);
    await closeParts(parts);
    expect(seen).toEqual([
      ...['start folder', 'start consumer', 'start store'],
      ...['close store', 'close consumer', 'close folder'],
    ]);
  });

  it('are all closed when some fail to close, and the error names every failure', async () => {
    const { seen, parts } = listOf('store', 'consumer');
    await expect(closeParts(parts)).rejects.toThrow('store did not close, consumer did not close');
    expect(seen).toEqual(['close store', 'close consumer', 'close folder']);
  });
});
