import { Deliveries } from '../../../testing/simulation/deliveries.ts';
import { Random } from '../../../testing/simulation/random.ts';
import { ONCE } from '../../../testing/simulation/world.ts';
import { type SimulationReport, Stage } from './stage.ts';
import { memoryStores } from './stores.ts';

/**
 * One run of the deliveries from the table to the views, the log and the bus on AWS, in memory and in virtual time. The
 * seed decides: the appends and their times, from clocks that jump; the size, number and order of deliveries of batches;
 * the calls that fail before or after their effect, and the functions that crash and lose their memory; the events that
 * the bus or a projection refuses.
 *
 * Faults end at last, and dead letters are redriven. Then every view equals the fold of the appended events, the log has
 * every event once, and the bus got each event at least once. The log keeps the order of each stream. The bus gets the
 * events of a stream for the first time in order, when the deliveries began in order and the bus refused no event of the
 * stream. After a stream is parked, the bus gets none of its later events.
 * @throws Error that names the difference
 */
export async function simulateDelivery(seed: number): Promise<SimulationReport> {
  const stage = new Stage(new Random(seed), memoryStores());
  await stage.appendHistory();
  await deliver(stage);
  await stage.recover();
  return stage.check();
}

/** Two consumers with different speeds, sometimes with two batches at the same time. */
async function deliver(stage: Stage): Promise<void> {
  const { random, faults } = stage;
  const deliveries = new Deliveries(stage);
  if (random.chance(0.5)) deliveries.shuffle(); // harder than AWS: also the commits of one stream out of order
  const startProjector = () => {
    const projector = stage.projector();
    return (commits: Parameters<typeof projector.apply>[0]) => projector.applyOrPark(commits, ONCE, () => {});
  };
  const projector = () => deliveries.deliver(startProjector, random.chance(0.3) ? 2 : 1);
  if (random.chance(0.5)) await Promise.all([projector(), projector()]);
  else await projector();
  faults.healthy = false;
  const lanes = random.chance(0.3) ? 2 : 1;
  stage.oneRelay = lanes === 1;
  await deliveries.deliver(() => stage.relay(), lanes);
  stage.ordered = deliveries.ordered;
  stage.deliveries += deliveries.deliveries;
  stage.restarts += deliveries.restarts;
}
