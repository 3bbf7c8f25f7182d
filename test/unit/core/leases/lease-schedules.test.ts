import { expect, it } from 'vitest';
import { simulateLeases } from '../../../support/lease-simulation/simulate.ts';

/** `npm run test:work` runs 10,000 seeds. */
const SEEDS = 25;

it('whatever crashes between any two calls, a part has one holder, and is done once', async () => {
  let [claims, losses, crashes] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const report = await simulateLeases(seed).catch((error) => {
      throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
    });
    claims += report.claims;
    losses += report.losses;
    crashes += report.crashes;
  }
  expect(Math.min(claims, losses, crashes)).toBeGreaterThan(SEEDS);
});
