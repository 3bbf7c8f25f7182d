import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SeenPage } from '../../../../core/verification/log-pages.ts';
import { simulateLog } from '../../../support/log-simulation/simulation.ts';

/** `ANNALS_LOG_SEEDS=1000 npx vitest run test/unit/core/log/log.property.test.ts` for a long run; `ANNALS_LOG_FIRST_SEED` to repeat one. */
const SEEDS = Number(process.env['ANNALS_LOG_SEEDS'] ?? 40);
const FIRST = Number(process.env['ANNALS_LOG_FIRST_SEED'] ?? 1);

const streamOf = (event: string) => event.split(' ')[0];

/** A chain without gaps, in pages and in events, whose times never fall. */
function assertChain(pages: readonly SeenPage[], of: string): void {
  let next = { page: 1, event: 1, through: '', appendedAt: '' };
  for (const seen of pages) {
    if (!('page' in seen)) throw new Error(`${of}: ${seen.detail}, page ${seen.from}`);
    const { page, firstEvent, count, through, appendedAt } = seen.page;
    expect({ page, event: firstEvent }, of).toEqual({ page: next.page, event: next.event });
    expect(through >= next.through && appendedAt >= next.appendedAt, of).toBe(true);
    next = { page: page + 1, event: firstEvent + count, through, appendedAt };
  }
}

describe('the log under clocks that jump, crashes anywhere, and pages that leave in any order', () => {
  // Work takes turns by the clock of the machine: it stands still here, so that a seed does the same each time.
  beforeAll(() => void vi.spyOn(performance, 'now').mockReturnValue(1_000));
  afterAll(() => void vi.restoreAllMocks());

  it(`keeps every event once and in order, for each reader, for ${SEEDS} seeds`, { timeout: 3_600_000 }, async () => {
    const totals: Record<string, number> = {};
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const { pages, pagesAfterRepeat, expected, seen, ranges, counts } = await simulateLog(seed);
      const of = `seed ${seed}`;
      assertChain(pages, of);
      expect(pagesAfterRepeat, of).toEqual(pages);
      const [first = []] = seen;
      expect(first.toSorted(), of).toEqual(expected.toSorted());
      for (const stream of new Set(expected.map(streamOf))) {
        const own = (event: string) => streamOf(event) === stream;
        expect(first.filter(own), of).toEqual(expected.filter(own));
      }
      for (const other of seen) expect(other, of).toEqual(first);
      for (const range of ranges) expect(range.found, of).toEqual(range.expected);
      for (const [name, count] of Object.entries({ ...counts, events: expected.length, pages: pages.length })) {
        totals[name] = (totals[name] ?? 0) + count;
      }
    }
    for (const [name, total] of Object.entries(totals)) expect(total, `${name} happened`).toBeGreaterThan(0);
    if (SEEDS >= 1_000) process.stdout.write(`${JSON.stringify(totals)}\n`);
  });

  it('does the same for the same seed', async () => {
    const [one, other] = [await simulateLog(7), await simulateLog(7)];
    expect(one.seen).toEqual(other.seen);
    expect(one.counts).toEqual(other.counts);
  });
});
