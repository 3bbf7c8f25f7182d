import pLimit from 'p-limit';
import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import agents from '../../domain/application.ts';
import { catalogue } from '../../test/support/application.ts';
import { endOf } from '../../test/support/log-end.ts';
import { sampleEvents } from './events.ts';

const { projections } = agents;

const COMMITS_AT_ONCE = 64;

/** The content of a data folder of {@link fillDataFolder}. */
export interface FilledFolder {
  readonly events: number;
  /** The id of a stream with a tenth of all events. */
  readonly longStream: string;
}

/**
 * Fills a data folder with agents: a single agent has a tenth of all events, the others have 100 each. Commits have 10 events
 * of 300 bytes. Returns when views and log have all events.
 */
export async function fillDataFolder(dataDir: string, events: number): Promise<FilledFolder> {
  const engine = createEngine({ catalogue, dataDir, projections, logger: console });
  engine.start();
  const append = (agentId: string, version: number, batch: readonly NewEvent[]) =>
    engine.store.append(`agent-${agentId}`, batch, { expectedVersion: version, headKnown: true });
  const fill = async (agentId: string, length: number): Promise<void> => {
    const created: NewEvent = {
      type: 'agent.created',
      data: { agentId, agentType: 'bench', configuration: {}, createdBy: 'bench' },
    };
    await append(agentId, 0, [created, ...makeSteps(agentId, 9)]);
    for (let version = 10; version < length; version += 10) await append(agentId, version, makeSteps(agentId, 10));
  };
  try {
    const names = Array.from({ length: Math.floor((events * 0.9) / 100) }, (_, index) => `filled-${index}`);
    const limit = pLimit(COMMITS_AT_ONCE);
    await Promise.all([fill('long', events / 10), ...names.map((name) => limit(() => fill(name, 100)))]);
    while ((await engine.projectionStatus()).some(({ lag }) => lag > 0)) await new Promise((go) => setTimeout(go, 200));
    for (let end = ''; end !== (await endOf(engine.log)); await new Promise((go) => setTimeout(go, 1_000))) {
      end = await endOf(engine.log);
    }
    return { events, longStream: 'agent-long' };
  } finally {
    await engine.close();
  }
}

const makeSteps = (agentId: string, count: number): NewEvent[] =>
  sampleEvents(count).map((event) => ({ ...event, data: { ...event.data, agentId } }));
