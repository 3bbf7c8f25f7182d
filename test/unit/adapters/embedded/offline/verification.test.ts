import { cpSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createEngine } from '../../../../../adapters/embedded/engine/engine.ts';
import { openVerification } from '../../../../../adapters/embedded/offline/verification.ts';
import { SqliteViewStore } from '../../../../../adapters/embedded/sqlite/view-store.ts';
import { configureEventSystem } from '../../../../../core/base/configuration.ts';
import agents from '../../../../../domain/application.ts';
import { catalogue } from '../../../../support/application.ts';
import { endOf } from '../../../../support/log-end.ts';
import { noise, step } from '../../../../support/sample-events.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const { folds, projections } = agents;

const parent = temporaryFolder();
let copies = 0;

async function verify(dataDir: string) {
  const { verification, close } = openVerification(dataDir, { projections, catalogue });
  try {
    const run = verification.run();
    for (let taken = await run.next(); ; taken = await run.next()) if (taken.done) return taken.value;
  } finally {
    close();
  }
}

const namesOf = async (dataDir: string) =>
  (await verify(dataDir)).differences.map(({ place, kind }) => `${place} ${kind}`);

/** A folder whose newest event is an hour old, so that nothing counts as on its way. */
async function make(strategy: 'single' | 'by_aggregate_type' | 'sharded'): Promise<string> {
  const dataDir = join(parent, strategy);
  const logger = { warn: vi.fn(), error: vi.fn() };
  const settings = configureEventSystem({ event_system: { store: { partition_strategy: strategy } } });
  vi.setSystemTime(Date.now() - 3_600_000);
  const engine = createEngine({ catalogue, dataDir, projections, folds, logger, settings });
  engine.start();
  const append = (stream: string, ...events: Parameters<typeof engine.store.append>[1]) =>
    engine.store.append(stream, events, { expectedVersion: 'any' });
  for (const agentId of ['a', 'b']) {
    const data = { agentId, agentType: 'coder', configuration: {}, createdBy: 'ops' };
    await append(`agent-${agentId}`, { type: 'agent.created', data });
    for (let index = 0; index < 20; index++) await append(`agent-${agentId}`, step(`${index}`));
  }
  await append('agent-b', step(noise(700_000)));
  const data = { taskId: 't', requiredAgents: ['a'], payload: {}, deadlineSeconds: 60 };
  await append('task-t', { type: 'task.requested', data });
  const fork = { agentId: 'f', parentId: 'a', atVersion: 10 };
  await append('agent-f', { type: 'agent.forked', data: fork });
  await append('agent-f', step('mine'));
  await vi.waitFor(async () => {
    expect((await engine.projectionStatus()).every(({ lag }) => lag === 0)).toBe(true);
    expect(Number.parseInt((await endOf(engine.log)).slice(0, 12), 16)).toBe(46);
  }, 10_000);
  await engine.close();
  vi.useRealTimers();
  return dataDir;
}

describe('the verification of a data folder', () => {
  let whole: string;
  const copy = () => {
    const folder = join(parent, `copy-${++copies}`);
    cpSync(whole, folder, { recursive: true });
    return folder;
  };
  const change = (folder: string, file: string, sql: string) => {
    const database = new DatabaseSync(join(folder, file));
    database.exec(sql);
    database.close();
  };
  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    whole = await make('single');
  });

  it('finds no difference, however the log is divided', async () => {
    expect((await verify(whole)).verdict).toMatch(/^verified: 4 streams, 46 commits, 46 events, .* no differences$/);
    for (const strategy of ['by_aggregate_type', 'sharded'] as const) {
      vi.useFakeTimers({ toFake: ['Date'] });
      const { verdict } = await verify(await make(strategy));
      expect(verdict, strategy).toMatch(/^verified: 4 streams, 46 commits, 46 events, .* no differences$/);
    }
  });

  it('finds a commit that was changed by hand', async () => {
    const folder = copy();
    change(folder, 'events.sqlite', `UPDATE commits SET commit_id = 'forged' WHERE stream = 'task-t'`);
    expect(await namesOf(folder)).toEqual(['stream task-t, version 1 differs']);
  });

  it.each([
    ['events.sqlite', `UPDATE commits SET version = 9007199254740993 WHERE stream = 'task-t'`, 'all streams'],
    [
      'events.sqlite',
      `UPDATE commits SET count = 9007199254740993 WHERE stream = 'task-t'`,
      'stream task-t, version 1',
    ],
    ['events.sqlite', `UPDATE log_pages SET first_event = 9007199254740993 WHERE page = 1`, 'partition all, page 1'],
    ['views.sqlite', `UPDATE views SET version = 9007199254740993 WHERE key = 'f'`, 'agent-status/f'],
    ['views.sqlite', `UPDATE counters SET low = 9007199254740993`, 'fleet-overview/*'],
  ])('goes on at a number in %s that JavaScript cannot hold: %s', async (file, sql, place) => {
    const folder = copy();
    change(folder, file, sql);
    expect(await namesOf(folder)).toContain(`${place} unreadable`);
  });

  it('finds a view that the lists show in another place, or not at all', async () => {
    const folder = copy();
    change(folder, 'views.sqlite', `UPDATE views SET "group" = 'elsewhere' WHERE key = 'f'`);
    const { differences } = await verify(folder);
    expect(differences.map(({ place, kind }) => `${place} ${kind}`)).toEqual(['agent-status/f differs']);
    expect(differences[0]?.detail).toMatch(/listed under "elsewhere", history lists it under "\w+"/);
  });

  it('tells apart a page whose header is wrong and those behind it', async () => {
    const folder = copy();
    change(folder, 'events.sqlite', `UPDATE log_pages SET through = 'soon' WHERE page = 1`);
    expect(await namesOf(folder)).toEqual(['partition all, page 1 differs']);
  });

  it('finds the mark of a dead letter that is none', async () => {
    const folder = copy();
    change(folder, 'views.sqlite', `UPDATE views SET parked = '{}' WHERE key = 'f' AND projection = 'agent-status'`);
    expect(await namesOf(folder)).toContain('agent-status/f unreadable');
    const database = new DatabaseSync(join(folder, 'views.sqlite'), { readOnly: true });
    const listed = new SqliteViewStore(database).listParked('agent-status', 1, { limit: 10 });
    await expect(listed).rejects.toThrow(/view f of agent-status cannot be read/);
    database.close();
  });

  it('names what tells of generations, when it cannot be read, and goes on', async () => {
    const folder = copy();
    change(folder, 'views.sqlite', `INSERT INTO control VALUES ('generations', 'all', 1, '{')`);
    const { differences } = await verify(folder);
    expect(differences.map(({ kind }) => kind)).toEqual(projections.map(() => 'unreadable'));
    expect(differences[0]?.detail).toContain('delete the file views.sqlite');
  });

  it('says what is not there, and writes nothing', async () => {
    const folder = copy();
    rmSync(join(folder, 'views.sqlite'));
    await expect(verify(folder)).rejects.toThrow(/there is no .*views\.sqlite; .*start the server once/);
    await expect(verify(join(parent, 'nowhere'))).rejects.toThrow(/there is no .*nowhere/);
    expect(existsSync(join(parent, 'nowhere'))).toBe(false);
  });

  it('finds views that are ahead of the events, as after a lost write-ahead log', async () => {
    const folder = copy();
    change(folder, 'events.sqlite', `DELETE FROM commits WHERE position > 40; DELETE FROM log_pages WHERE page > 1`);
    expect(await namesOf(folder)).toEqual(expect.arrayContaining(['agent-status/b ahead', 'agent-status/f orphan']));
  });

  it('finds a view of a fork, and counters, that were changed by hand', async () => {
    const folder = copy();
    change(folder, 'views.sqlite', `UPDATE views SET view = json_set(view, '$.steps', 99) WHERE key = 'f'`);
    change(
      folder,
      'views.sqlite',
      `UPDATE counters SET high = high + 9999, low = low + 5 WHERE projection = 'fleet-overview'`,
    );
    const names = await namesOf(folder);
    expect(names).toContain('agent-status/f differs');
    expect(names).toContain('fleet-overview/all differs');
  });

  it.each([
    ['events.sqlite', 'commits', 'types', 'body'],
    ['events.sqlite', 'log_pages', 'types', 'body'],
    ['views.sqlite', 'views', 'view', 'view'],
  ])('goes on behind rows of %s %s that hold rubbish', async (file, table, text, bytes) => {
    const folder = copy();
    const rubbish = bytes === 'body' ? `X'09'` : `'{'`;
    change(folder, file, `UPDATE ${table} SET ${text} = '{' WHERE rowid = (SELECT min(rowid) FROM ${table})`);
    change(folder, file, `UPDATE ${table} SET ${bytes} = ${rubbish} WHERE rowid = (SELECT max(rowid) FROM ${table})`);
    const { verdict, differences } = await verify(folder);
    expect(verdict).toMatch(/^DIFFERENCES FOUND: /);
    expect(differences.map(({ kind }) => kind)).toContain('unreadable');
  });

  it.each(['events.sqlite', 'views.sqlite'])('goes on behind damaged pages of %s', async (file) => {
    const folder = copy();
    const path = join(folder, file);
    const pages = readFileSync(path).length / 4_096;
    const handle = openSync(path, 'r+');
    for (let page = Math.floor(pages / 3); page < pages; page += 2)
      writeSync(handle, Buffer.alloc(4_096, 7), 0, 4_096, page * 4_096);
    const { verdict } = await verify(folder);
    expect(verdict).toMatch(/^DIFFERENCES FOUND: /);
  });

  it('finds the body of a large event that is missing or was changed', async () => {
    const folder = copy();
    rmSync(join(folder, 'objects', 'large-events', 'agent-b'), { recursive: true });
    expect(await namesOf(folder)).toEqual(
      expect.arrayContaining(['stream agent-b, version 22 unreadable', 'agent-status/b unreadable']),
    );
  });
});
