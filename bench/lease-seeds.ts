import { simulateLeases } from '../test/support/lease-simulation/simulate.ts';

// Simulates leases with crashes at every call: `npm run test:work` runs 10,000 seeds, `npm run test:work -- <seeds> <first>` others.

const [seeds = 10_000, first = 1] = process.argv.slice(2).map(Number);
const began = performance.now();
const totals: Record<string, number> = {};
let violations = 0;
for (let seed = first; seed < first + seeds; seed++) {
  try {
    for (const [name, count] of Object.entries(await simulateLeases(seed))) totals[name] = (totals[name] ?? 0) + count;
  } catch (error) {
    violations += 1;
    console.error(`seed ${seed}: ${error}`);
  }
}
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(`${seeds} seeds from ${first} in ${seconds} s, violations: ${violations}`);
console.log(
  Object.entries(totals)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
process.exitCode = violations > 0 ? 1 : 0;
