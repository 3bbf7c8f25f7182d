import { expect, it } from 'vitest';
import { type SimulationReport, simulateDelivery } from '../support/simulation/delivery.ts';

// SIMULATION_SEEDS=10000 runs more; SIMULATION_SEED=n begins there, so that a run that failed is repeated by its number.
const first = Number(process.env['SIMULATION_SEED'] ?? 1);
const seeds = Number(process.env['SIMULATION_SEEDS'] ?? 200);

it(`views, log and bus are right in the end, whatever deliveries do: ${seeds} seeds from ${first}`, async () => {
  const total: Record<keyof SimulationReport, number> = { events: 0, deliveries: 0, faults: 0, parked: 0 };
  for (let seed = first; seed < first + seeds; seed++) {
    const report = await simulateDelivery(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    for (const name of ['events', 'deliveries', 'faults', 'parked'] as const) total[name] += report[name];
  }
  if (process.env['SIMULATION_SEEDS']) process.stdout.write(`${seeds} seeds: ${JSON.stringify(total)}\n`);
  if (seeds < 100) return;
  for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(seeds / 4);
}, 3_600_000);
