import './harness/sync-zlib.ts';
import { assumed, type Load, modelRelay, type RelaySetup } from './harness/relay-model.ts';

// Commits a second that the relay appends to the log and publishes on the bus, and the share of puts to the log that lose
// against another relay. Relay, log writer and publisher are the real code; AWS is a model, whose assumptions are in
// `harness/relay-model.ts`. RELAY_SECONDS (20) is the time of each load, RELAY_SHARDS (1,4,8,16,32) the numbers of shards.
// RELAY_BATCH, RELAY_WINDOW, RELAY_MEMORY and RELAY_LOG (single or sharded) are settings of the relay.

const SHARDS = (process.env['RELAY_SHARDS'] ?? '1,4,8,16,32').split(',').map(Number);
const SECONDS = Number(process.env['RELAY_SECONDS'] ?? 20);

const setup: RelaySetup = {
  batchSize: Number(process.env['RELAY_BATCH'] ?? 1_000),
  windowMs: Number(process.env['RELAY_WINDOW'] ?? 1_000),
  memoryMegabytes: Number(process.env['RELAY_MEMORY'] ?? 1_769),
  partitioning: process.env['RELAY_LOG'] === 'single' ? { strategy: 'single' } : { strategy: 'sharded', shards: 4 },
};

async function measureRow(load: Load) {
  const { commitsPerSecond, lostPuts, delayMs } = await modelRelay(setup, load);
  return {
    'commits a second': commitsPerSecond,
    'lost puts': `${(lostPuts * 100).toFixed(1)} %`,
    'append to bus, ms': Math.round(delayMs),
  };
}

console.log('what is assumed', assumed, setup);
for (const eventsPerCommit of [1, 10]) {
  const behind: Record<string, object> = {};
  const asked: Record<string, object> = {};
  for (const shards of SHARDS) {
    const load = { shards, eventsPerCommit, seconds: SECONDS };
    const { 'append to bus, ms': _, ...row } = await measureRow(load);
    behind[`${shards} shards`] = row;
    asked[`${shards} shards`] = await measureRow({
      ...load,
      offered: Math.min(4_000, shards * assumed.commitsPerShard),
    });
  }
  console.log(`commits of ${eventsPerCommit}, more of them than the relay takes`);
  console.table(behind);
  console.log(`commits of ${eventsPerCommit}, 4,000 a second, or 1,000 a shard`);
  console.table(asked);
}
process.exit(0); // the relays of the model never end
