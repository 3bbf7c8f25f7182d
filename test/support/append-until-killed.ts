import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import agents from '../../domain/application.ts';
import { catalogue } from './application.ts';
import { steps } from './sample-events.ts';

const { projections } = agents;

// Appends to several streams at the same time as fast as possible, and prints `<stream> <version>` for each acknowledged commit.
const [dataDir = '', streams = '4'] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const fail = (message: string, details: object) => say(`failed ${message} ${JSON.stringify(details)}`);
const engine = createEngine({ catalogue, dataDir, projections, logger: { warn: fail, error: fail } });
engine.start();

async function appendForever(stream: string): Promise<void> {
  for (let head = await engine.store.head(stream); ; ) {
    const { toVersion } = await engine.store.append(stream, steps(1 + (head % 5)), { expectedVersion: head });
    say(`${stream} ${toVersion}`);
    head = toVersion;
  }
}

await Promise.all(Array.from({ length: Number(streams) }, (_, n) => appendForever(`agent-${n + 1}`)));
