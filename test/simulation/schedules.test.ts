import { expect, it } from 'vitest';
import { type ScheduleReport, simulateSchedules } from '../support/schedule-world.ts';

// `npm run test:schedules` runs 10,000 seeds. SCHEDULE_SEED=n begins with seed n, to repeat a failed run.
const first = Number(process.env['SCHEDULE_SEED'] ?? 1);
const seeds = Number(process.env['SCHEDULE_SEEDS'] ?? 30);

it(`every run of a schedule comes once, whatever crashes and whichever calls are lost: ${seeds} seeds from ${first}`, async () => {
  const total = { runs: 0, missed: 0, failures: 0, crashes: 0, lostCalls: 0, cancelled: 0 };
  for (let seed = first; seed < first + seeds; seed++) {
    const report = await simulateSchedules(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    for (const figure of Object.keys(total) as (keyof ScheduleReport)[]) total[figure] += report[figure];
  }
  if (process.env['SCHEDULE_SEEDS']) process.stdout.write(`schedules, ${seeds} seeds: ${JSON.stringify(total)}\n`);
  if (seeds < 30) return;
  for (const [figure, sum] of Object.entries(total)) expect(sum, figure).toBeGreaterThan(seeds / 10);
}, 3_600_000);
