import { describe, expect, it } from 'vitest';
import { servedApi } from '../../support/served-api.ts';
import { runAnnals } from '../../support/served-process.ts';

const { post, get, url } = servedApi();
const run = (...args: string[]) => runAnnals(args).finished;
const lines = (text: string) => text.trim().split('\n');

describe('the command line', () => {
  it.each([
    ['serve', '--prot', '1'],
    ['import', 'agent-run', 'a.traj', '--ulr', 'x'],
    ['import', 'process-log'],
    ['replay', 'agent-status', '--rebiuld'],
    ['travel', 'agent-42', '--to-version', 'last'],
    ['travle'],
  ])('refuses %s %s %s in one line, with status 2', async (...args) => {
    const { code, stderr, stdout } = await run(...args.filter((arg) => arg !== undefined));
    expect([code, stdout, lines(stderr)]).toEqual([2, '', [expect.stringMatching(/^error: /)]]);
  });

  it.each([
    ['serve'],
    ['import'],
    ['import', 'agent-run'],
    ['import', 'process-log'],
    ['replay'],
    ['travel'],
    ['diff'],
    ['fork'],
  ])('explains %s %s with an example', async (...args) => {
    const { code, stdout } = await run(...args.filter((arg) => arg !== undefined), '--help');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Examples?:\n {2}annals /)]);
  });

  it('reports a failure in one line', async () => {
    for (const args of [
      ['travel', 'agent-none', '--to-version', '1'],
      ['travel', 'nothing', '--to-version', '1'],
      ['replay', 'none', '--rebuild'],
      ['replay', 'follow', 'none'],
    ]) {
      const { code, stderr } = await run(...args, '--url', url());
      expect([args, code, lines(stderr).length]).toEqual([args, 1, 1]);
      expect(stderr).not.toMatch(/\.ts:\d+/);
    }
  });

  it.each([['travel', 'agent-42', '--to-version', '1'], ['replay', 'agent-status', '--rebuild'], ['verify']])(
    '%s names the way out when no server answers',
    async (...args) => {
      const { stderr } = await run(...args.filter((arg) => arg !== undefined), '--url', 'http://127.0.0.1:1');
      expect(lines(stderr)).toEqual([expect.stringMatching(/no answer.*npm start.*--url/)]);
    },
  );

  it('prints JSON for programs', async () => {
    await post('/agents', { agentId: 'j', agentType: 'x', configuration: {}, createdBy: 'me' });
    await post('/agents/j/steps', { action: 'edit' });
    expect((await get('/agents/j?waitFor=2')).status).toBe(200);
    const travelled = await run('travel', 'agent-j', '--to-version', '1', '--json', '--url', url());
    expect(JSON.parse(travelled.stdout)).toMatchObject({ past: { version: 1 }, now: { version: 2, steps: 1 } });
    const replayed = await run('replay', 'agent-status', '--type', 'agent.created', '--json', '--url', url());
    expect(JSON.parse(replayed.stdout)).toMatchObject({ state: 'ready', whole: false });
    const imported = await run('import', 'agent-run', 'none.traj', '--json', '--url', url());
    expect(imported.code).toBe(1);
    expect(JSON.parse(imported.stdout)).toMatchObject({ failed: 1, problems: [expect.stringContaining('none.traj')] });
  });
});
