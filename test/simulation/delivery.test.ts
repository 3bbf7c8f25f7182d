import { expect, it } from 'vitest';
import { simulateDelivery } from '../support/simulation/delivery.ts';
import { simulateOneMachine } from '../support/simulation/one-machine.ts';
import type { SimulationReport } from '../support/simulation/stage.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// SIMULATION_SEEDS=10000 runs more seeds. SIMULATION_SEED=n begins with seed n, to repeat a failed run.
const first = Number(process.env['SIMULATION_SEED'] ?? 1);
const seeds = Number(process.env['SIMULATION_SEEDS'] ?? 200);

async function runSeeds(name: string, count: number, simulate: (seed: number) => Promise<SimulationReport>) {
  const total = { events: 0, deliveries: 0, faults: 0, parked: 0, restarts: 0, jumps: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const report = await simulate(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    for (const figure of Object.keys(total) as (keyof SimulationReport)[]) total[figure] += report[figure];
  }
  if (process.env['SIMULATION_SEEDS']) process.stdout.write(`${name}, ${count} seeds: ${JSON.stringify(total)}\n`);
  if (count < 100) return;
  for (const [figure, sum] of Object.entries(total)) expect(sum, figure).toBeGreaterThan(count / 4);
}

it(`views, log and bus are correct after any sequence of deliveries: ${seeds} seeds from ${first}`, async () => {
  await runSeeds('AWS', seeds, simulateDelivery);
}, 3_600_000);

const parent = temporaryFolder();
const folders = Math.ceil(seeds / 20); // each run opens databases, so there are fewer runs

it(`views, log and bus are correct on one machine after any stop of its process: ${folders} seeds from ${first}`, async () => {
  await runSeeds('one machine', folders, (seed) => simulateOneMachine(seed, parent));
}, 3_600_000);
