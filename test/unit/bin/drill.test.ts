import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, expect, it } from 'vitest';
import { createEngine } from '../../../adapters/embedded/engine/engine.ts';
import agents from '../../../domain/application.ts';
import { catalogue } from '../../support/application.ts';
import { makeArchivedHistory } from '../../support/archived-history.ts';
import { step } from '../../support/sample-events.ts';
import { runAnnals } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { projections } = agents;

const parent = temporaryFolder();
const dataDir = join(parent, 'data');
const annals = (...args: string[]) => runAnnals(args).finished;

beforeAll(() => makeArchivedHistory(dataDir), 30_000);

it('a drill restores events of any size, the archived log and all views, and compares them with the original', async () => {
  const kept = join(parent, 'kept');
  const { code, stdout, stderr } = await annals('drill', '--data', dataDir, '--keep', kept);
  expect(stderr).toBe('');
  expect(stdout).toContain('20 events in 20 commits and 3 objects');
  expect(stdout).toMatch(/20 commits, 20 log pages and \d+ views are the same, 0 views moved on meanwhile, 0 diff/);
  expect(stdout).toContain('no differences');
  expect(stdout).toContain('the backup can be restored');
  expect(code).toBe(0);
  expect(existsSync(join(kept, 'views.sqlite'))).toBe(true);
  expect(await annals('drill', '--data', dataDir, '--keep', kept)).toMatchObject({
    code: 1,
    stderr: `no drill: ${kept} is not empty; name a new or empty folder\n`,
  });
}, 30_000);

it('a drill ends while a writer appends without pause', async () => {
  const engine = createEngine({ catalogue, dataDir, projections, logger: { warn: () => {}, error: () => {} } });
  engine.start();
  let writing = true;
  const append = async () => {
    for (let index = 0; writing; index++) {
      await engine.store.append('agent-c', [step(`${index}`)], { expectedVersion: 'any' });
    }
  };
  const writer = append();
  const outcome = await annals('drill', '--data', dataDir);
  writing = false;
  await writer;
  await engine.close();
  expect(outcome).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('the backup can be restored') });
}, 60_000);

it('a folder is backed up, restored and verified by three commands', async () => {
  const [backup, restored] = [join(parent, 'backup'), join(parent, 'restored')];
  expect(await annals('backup', backup, '--data', dataDir)).toMatchObject({ code: 0, stderr: '' });
  const { code, stdout, stderr } = await annals('restore', backup, restored);
  expect({ code, stderr, stdout }).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('the views are built'),
  });
  expect(await annals('verify', '--data', restored)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('no differences'),
  });
  const later = join(parent, 'later');
  expect((await annals('restore', backup, later, '--views-later')).stdout).toContain('at its start');
  expect(existsSync(join(later, 'views.sqlite'))).toBe(false);
  rmSync(join(backup, 'events.sqlite'));
  expect(await annals('restore', backup, join(parent, 'other'))).toEqual({
    ...{ code: 1, signal: null, stdout: '' },
    stderr: `not restored: events.sqlite of the backup ${backup} is missing; restore another backup\n`,
  });
}, 60_000);

it('a backup on a full disk fails with one line, and removes its files', async () => {
  const { finished } = runAnnals(['backup', join(parent, 'full'), '--data', dataDir], {}, 'ulimit -f 400');
  const { code, stdout, stderr } = await finished;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^not backed up: the disk that holds \S+ (is full|takes no writes)[^\n]*\n$/);
  expect(readdirSync(parent).filter((name) => name.startsWith('full'))).toEqual([]);
}, 30_000);

it('a drill finds a view that differs from its events', async () => {
  const views = new DatabaseSync(join(dataDir, 'views.sqlite'));
  views.exec(`UPDATE views SET view = replace(view, '"created"', '"stopped"') WHERE key = 'a'`);
  views.close();
  const { code, stdout } = await annals('drill', '--data', dataDir);
  expect(stdout).toContain('views: agent-status/a differs');
  expect(stdout).toContain('the backup CANNOT be restored as it was');
  expect(code).toBe(1);
}, 30_000);

it('a drill without data fails with a remedy', async () => {
  expect(await annals('drill', '--data', temporaryFolder())).toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringContaining('name the data folder of a server with --data'),
  });
});
