import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createEngine, type Engine } from '../../../../../adapters/embedded/engine/engine.ts';
import { LIVE_GENERATION } from '../../../../../core/projections/projector.ts';
import type { Commit } from '../../../../../core/store/commit.ts';
import agents from '../../../../../domain/application.ts';
import { catalogue } from '../../../../support/application.ts';
import { endOf } from '../../../../support/log-end.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const { folds, projections, sagas } = agents;

const parent = temporaryFolder();
let engine: Engine;
let decoded: string[] = [];
const count = (commit: unknown) => void decoded.push(`${(commit as Commit).stream} ${(commit as Commit).version}`);

beforeEach(() => {
  const logger = { warn: vi.fn(), error: vi.fn() };
  engine = createEngine({ catalogue, dataDir: `${parent}/${Math.random()}`, projections, folds, sagas, logger });
  engine.start();
  decoded = [];
  subscribe('annals:commit.decoded', count);
});
afterEach(async () => {
  unsubscribe('annals:commit.decoded', count);
  await engine.close();
});

it.each([
  ['small', 10],
  ['deflated', 5_000],
  ['in an object', 900_000],
])('a commit that is %s is decoded once for all consumers and followers together', async (_, characters) => {
  const heard: string[] = [];
  engine.bus.subscribe('*', async (event) => void heard.push(event.id));
  const after = await endOf(engine.log);
  const followers = [{}, { types: ['agent.created'] }, { aggregateType: 'agent' }].map((filter) =>
    engine.log.getEventsAfter(after, { ...filter, waitMs: 60_000 }),
  );
  const noise = Array.from({ length: characters }, () => String.fromCharCode(48 + Math.random() * 70)).join('');
  const data = { agentId: '1', agentType: 'coder', configuration: { noise }, createdBy: 'me' };
  const { eventIds } = await engine.store.append('agent-1', [{ type: 'agent.created', data }], { expectedVersion: 0 });
  for (const { events } of await Promise.all(followers)) expect(events.map(({ id }) => id)).toEqual(eventIds);
  await vi.waitFor(async () => {
    expect(heard).toEqual(eventIds);
    expect((await engine.projectionStatus()).every(({ lag }) => lag === 0)).toBe(true);
  });
  const view = await engine.views.get('agent-status', LIVE_GENERATION, '1');
  expect(view?.view).toMatchObject({ configuration: { noise } });
  expect(decoded).toEqual(['agent-1 1']);
});

it('shared events cannot be changed', async () => {
  let changed: unknown;
  engine.bus.subscribe('*', async (event) => {
    try {
      (event.data as { agentType: string }).agentType = 'changed';
    } catch (error) {
      changed = error;
    }
  });
  const data = { agentId: '2', agentType: 'coder', configuration: {}, createdBy: 'me' };
  await engine.store.append('agent-2', [{ type: 'agent.created', data }], { expectedVersion: 0 });
  await vi.waitFor(() => expect(changed).toBeInstanceOf(TypeError));
});
