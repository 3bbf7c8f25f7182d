import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { runAnnals } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
const app = join(folder, 'app.ts');

describe('annals serve --app refuses, in words,', () => {
  it.each([
    ['a file that does not exist', undefined, /^there is no file \S+app\.ts; name the file of your application$/],
    ['a file without a default export', 'export const a = 1;', /app\.ts has no default export; end it with: export/],
    ['another value', 'export default { a: 1 };', /default export of \S+app\.ts is no application; make it with/],
    [
      'a fault of the file, with its place',
      'throw new Error("no luck");',
      /could not be loaded: Error: no luck\s+at .*app\.ts:1/,
    ],
    [
      'a package that is missing',
      'import "no-such-package";',
      /could not be loaded: .*'no-such-package' imported from/s,
    ],
  ])('%s', async (_, text, message) => {
    if (text !== undefined) await writeFile(app, text);
    const { finished } = runAnnals(['serve', '--app', app, '--data', join(folder, 'data')]);
    const { code, stderr } = await finished;
    expect(stderr.trim()).toMatch(message);
    expect(stderr).not.toContain('node:internal');
    expect(code).toBe(1);
  });
});

describe('annals dev', () => {
  let stop: () => Promise<unknown>;
  afterEach(() => stop());

  it('serves the application again when a file that it imports changes, a broken file included', async () => {
    const part = join(folder, 'part.ts');
    const name = (text: string) => writeFile(part, `export const name = '${text}';\nconsole.log(name);\n`);
    await name('first');
    const application = ["import './part.ts';", "import { defineAnnals } from 'annals';"];
    application.push("import { agents } from 'annals/agents';", 'export default defineAnnals({ modules: [agents] });');
    await writeFile(app, application.join('\n'));
    const { child, finished } = runAnnals(['dev', app, '--data', join(folder, 'data')], { PORT: '0' });
    stop = () => {
      child.kill('SIGTERM');
      return finished;
    };
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    const next = async (sought: string): Promise<string> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`no line with ${sought}: ${(await finished).stderr}`);
        if (value.includes(sought)) return value;
      }
    };
    const url = async () => /http\S+/.exec(await next('Annals serves'))?.[0];

    await next('first');
    const agent = JSON.stringify({ agentId: '1', agentType: 'coder', createdBy: 'me', configuration: {} });
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${await url()}/agents`, { method: 'POST', body: agent, headers })).status).toBe(201);

    await writeFile(part, 'export const name = ');
    await next('Failed running');
    await name('second');
    await next('second');
    expect(await (await fetch(`${await url()}/agents/1`)).json()).toMatchObject({ agentType: 'coder' });
  });
});
