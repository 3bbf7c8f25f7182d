import { expect, it } from 'vitest';
import { type SubscriptionReport, simulateSubscriptions } from '../support/simulation/subscriptions.ts';

// SIMULATION_SEEDS=10000 runs more seeds. SIMULATION_SEED=n begins with seed n, to repeat a failed run.
const first = Number(process.env['SIMULATION_SEED'] ?? 1);
const seeds = Number(process.env['SIMULATION_SEEDS'] ?? 25);

it(`subscriptions lose, skip and double nothing, in the order of each stream: ${seeds} seeds from ${first}`, async () => {
  const total: Partial<SubscriptionReport> = {};
  for (let seed = first; seed < first + seeds; seed++) {
    const report = await simulateSubscriptions(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    for (const [figure, count] of Object.entries(report) as [keyof SubscriptionReport, number][]) {
      total[figure] = (total[figure] ?? 0) + count;
    }
  }
  if (process.env['SIMULATION_SEEDS'])
    process.stdout.write(`subscriptions, ${seeds} seeds: ${JSON.stringify(total)}\n`);
  for (const [figure, sum] of Object.entries(total)) expect(sum, figure).toBeGreaterThan(0);
}, 3_600_000);
