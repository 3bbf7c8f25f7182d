import { vi } from 'vitest';
import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import { FileObjectStore } from '../../adapters/embedded/files/object-store.ts';
import { openDataFolder } from '../../adapters/embedded/sqlite/database.ts';
import { SqliteLogStorage } from '../../adapters/embedded/sqlite/log-storage.ts';
import { LogArchive } from '../../core/log/archive.ts';
import { LogArchiver } from '../../core/log/archiver.ts';
import agents from '../../domain/application.ts';
import { catalogue } from './application.ts';
import { noise, step } from './sample-events.ts';

const { folds, projections } = agents;

const logger = { warn: () => {}, error: () => {} };

/**
 * Makes a data folder with all kinds of stored data: two agents of 11 events, an event of 700 KB, views with large parts
 * as objects, and a log whose pages are archived except the last three. No server uses the folder.
 */
export async function makeArchivedHistory(dataDir: string): Promise<void> {
  await appendAndArchive(dataDir, 0);
  await appendAndArchive(dataDir, 3);
}

/** Appends to both agents, archives the log except its last page, and then appends `kept` events. */
async function appendAndArchive(dataDir: string, kept: number): Promise<void> {
  const engine = createEngine({ catalogue, dataDir, projections, folds, logger });
  engine.start();
  const append = async (stream: string, ...events: Parameters<typeof engine.store.append>[1]) => {
    await engine.store.append(stream, events, { expectedVersion: 'any' });
    await vi.waitUntil(() => engine.backlog() === 0, { interval: 2, timeout: 10_000 }); // each append gets a separate page
  };
  if (kept > 0) {
    for (let index = 0; index < kept; index++) await append('agent-a', step(`late ${index}`));
    await engine.close();
    return;
  }
  for (const agentId of ['a', 'b']) {
    const data = { agentId, agentType: 'coder', configuration: { notes: noise(40_000) }, createdBy: 'ops' };
    await append(`agent-${agentId}`, { type: 'agent.created', data });
    for (let index = 0; index < 7; index++) await append(`agent-${agentId}`, step(`${index}`));
  }
  await append('agent-b', step(noise(700_000)));
  await engine.close();
  await archive(dataDir);
}

async function archive(dataDir: string): Promise<void> {
  const folder = openDataFolder(dataDir);
  const inTwoYears = () => new Date(Date.now() + 2 * 365 * 86_400_000);
  const archiver = new LogArchiver({
    catalogue,
    storage: new SqliteLogStorage(folder.events),
    archive: new LogArchive(new FileObjectStore(dataDir)),
    ...{ strategy: 'single', retentionDays: 365, compression: true, now: inTwoYears },
  });
  await archiver.run();
  folder.close();
}
