import { expect, it } from 'vitest';
import type { Partitioning } from '../../../../core/log/partition.ts';
import { type Outcome, simulateLog } from './layouts-simulation.ts';

/** `ANNALS_LOG_SEEDS=1000 npx vitest run test/unit/core/log/layouts.property.test.ts` for a long run; `ANNALS_LOG_FIRST_SEED` to repeat one. */
const SEEDS = Number(process.env['ANNALS_LOG_SEEDS'] ?? 60);
const FIRST = Number(process.env['ANNALS_LOG_FIRST_SEED'] ?? 1);

const streamOf = (event: string) => event.split(' ')[0];

const layouts = {
  single: [],
  'single, then sharded': [{ strategy: 'single' }, { strategy: 'sharded', shards: 3 }],
  'sharded, then more shards': [
    { strategy: 'sharded', shards: 2 },
    { strategy: 'sharded', shards: 3 },
    { strategy: 'sharded', shards: 7 },
  ],
  'single, by type, sharded': [
    { strategy: 'single' },
    { strategy: 'by_aggregate_type' },
    { strategy: 'sharded', shards: 2 },
    { strategy: 'sharded', shards: 5 },
  ],
} satisfies Record<string, readonly Partitioning[]>;

it.each(Object.entries(layouts))(
  `keeps every event once and in order under relays that crash anywhere, %s`,
  { timeout: 600_000 },
  async (name, partitionings) => {
    const seeds = partitionings.length === 0 ? SEEDS : Math.ceil(SEEDS / 3);
    let changes = 0;
    for (let seed = FIRST; seed < FIRST + seeds; seed++) {
      const outcome = await simulateLog(seed, partitionings);
      checkLog(outcome, `seed ${seed}, ${name}`, partitionings.length === 0);
      changes += outcome.layouts.length - 1;
    }
    expect(changes, 'the layout changes under load').toBeGreaterThanOrEqual(partitionings.length > 0 ? seeds / 2 : 0);
  },
);

function checkLog({ chains, expected, seen }: Outcome, of: string, isOneOrder: boolean): void {
  for (const pages of chains) {
    expect(
      pages.map(({ page }) => page),
      of,
    ).toEqual(pages.map((_, index) => index + 1));
    let next = 1;
    for (const { firstEvent, count } of pages) {
      expect(firstEvent, of).toBe(next);
      next += count;
    }
  }
  for (const events of seen) {
    expect(events.toSorted(), of).toEqual(expected.toSorted());
    for (const stream of new Set(expected.map(streamOf))) {
      const own = (event: string) => streamOf(event) === stream;
      expect(events.filter(own), of).toEqual(expected.filter(own));
    }
    if (isOneOrder) expect(events, of).toEqual(seen[0]);
  }
}
