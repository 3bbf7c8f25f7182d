import { expect, it } from 'vitest';
import { simulateLog } from './log-simulation.ts';

/** `ANNALS_LOG_SEEDS=1000 npx vitest run test/unit/core/log/log.property.test.ts` for a long run; `ANNALS_LOG_FIRST_SEED` to repeat one. */
const SEEDS = Number(process.env['ANNALS_LOG_SEEDS'] ?? 60);
const FIRST = Number(process.env['ANNALS_LOG_FIRST_SEED'] ?? 1);

const streamOf = (event: string) => event.split(' ')[0];

it(`keeps every event once and in order under relays that crash anywhere, for ${SEEDS} seeds`, {
  timeout: 600_000,
}, async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const { pages, expected, seen } = await simulateLog(seed);
    const of = `seed ${seed}`;
    expect(
      pages.map(({ page }) => page),
      of,
    ).toEqual(pages.map((_, index) => index + 1));
    let next = 1;
    for (const { firstEvent, count } of pages) {
      expect(firstEvent, of).toBe(next);
      next += count;
    }
    const [first = []] = seen;
    expect(first.toSorted(), of).toEqual(expected.toSorted());
    for (const stream of new Set(expected.map(streamOf))) {
      const own = (event: string) => streamOf(event) === stream;
      expect(first.filter(own), of).toEqual(expected.filter(own));
    }
    for (const other of seen) expect(other, of).toEqual(first);
  }
});
