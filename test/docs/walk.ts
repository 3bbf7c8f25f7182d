import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { temporaryFolder } from '../support/temporary-folder.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const hasScript = (name: string) => expect(packageJson.scripts).toHaveProperty([name]);

/** The commands that are not run, each with what is checked in their place. */
const NOT_RUN: Readonly<Record<string, () => void>> = {
  'npm ci && npm test': () => hasScript('test'),
  // test/packages builds the package, installs it in an empty folder, and serves an application from there.
  'npm run build:package && mkdir ../billing && cd ../billing': () => hasScript('build:package'),
  'npm init -y && npm pkg set type=module && npm install $(npm pack --silent "$OLDPWD/.build/annals") zod': () =>
    expect(read('bin/build-package.ts')).toContain("join(root, '.build', 'annals')"),
  // test/infra runs the CDK app.
  'npm install --save-dev aws-cdk aws-cdk-lib constructs esbuild': () =>
    ['aws-cdk', 'aws-cdk-lib', 'constructs', 'esbuild'].forEach((name) => {
      expect(packageJson.devDependencies).toHaveProperty([name]);
    }),
  "npx cdk deploy --app 'node cdk.ts'": () => expect(read('test/infra/deploy-page.test.ts')).toContain("'README.md'"),
  // These read files of the user; test/unit/bin/import.test.ts imports files of each format.
  'npm run import -- ~/.claude/projects': () => hasScript('import'),
  'npm run import -- agent-run runs/*.traj': () => hasScript('import'),
  'npm run import -- process-log log.csv.gz': () => hasScript('import'),
  // These write to folders of the user; test/unit/bin backs up, restores and drills.
  'npm run backup -- /backups/today': () => hasScript('backup'),
  'npm run restore -- /backups/today ./restored': () => hasScript('restore'),
};

interface Step {
  readonly command: string;
  /** The lines after the command that begin with `# `: its output. */
  readonly output: string | undefined;
}

/** The commands of a page in their order. A command goes on after a backslash, and ends before its comment. */
function stepsOf(text: string): Step[] {
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, language]) => language !== 'ts');
  const commands = blocks.flatMap(([, , block = '']) =>
    block.matchAll(/^(?!#)((?:.*\\\n)*.+)\n((?:# .*\n)*)/gm).toArray(),
  );
  return commands.map(([, command = '', output = '']) => ({
    command: command.replace(/\s+#\s.*$/, ''),
    output: output ? output.replaceAll(/^# /gm, '').trim() : undefined,
  }));
}

/**
 * Runs every command of a page, in the order in which a reader types them. A line that serves starts a server, and the
 * lines after it speak to this server.
 * @param home the folder of the user's application
 */
export function walk(page: string, home: string): void {
  const data = temporaryFolder();
  let server: { readonly url: string; readonly child: ChildProcess } | undefined;

  async function stop() {
    if (!server) return;
    const exit = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    await exit;
    server = undefined;
  }

  async function start(...args: string[]) {
    await stop();
    const options = ['--port', '0', '--data', join(data, `${args[0]}`)];
    const command = [join(root, 'bin', 'annals.ts'), ...args, ...options];
    const child = spawn(process.execPath, command, { cwd: home, stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout })) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (!url) continue;
      server = { url, child };
      return;
    }
    throw new Error(`annals ${args.join(' ')} ended`);
  }

  const SERVES: Readonly<Record<string, () => Promise<void>>> = {
    'npm ci && npm start': () => start('serve'),
    'npx annals dev ./app.ts': () => start('dev', './app.ts'),
  };

  async function run({ command, output }: Step) {
    const { host, port } = new URL(server?.url ?? '');
    const local = command
      .replaceAll('localhost:4700', host)
      .replaceAll(/^curl /gm, 'curl --fail-with-body --show-error ');
    const { stdout } = await promisify(execFile)('sh', ['-c', local], {
      cwd: root,
      env: {
        ...process.env,
        ANNALS_DATA: join(data, 'serve'),
        PORT: port,
        PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH']}`,
      },
    });
    if (command.startsWith('curl ') && !command.includes('/metrics'))
      expect(JSON.parse(stdout)).toEqual(expect.anything());
    if (output !== undefined) expect(stdout.trim()).toBe(output);
    expect(stdout).not.toBe('');
  }

  describe(page, () => {
    afterAll(stop);
    it.each(stepsOf(read(page)))('says the truth about $command', async (step) => {
      const { command } = step;
      await (SERVES[command] ?? NOT_RUN[command] ?? (() => run(step)))();
    });
  });
}

/** The commands that pages show, and those that are not run though a page shows them. */
export const commandsOf = (...pages: string[]) => ({
  shown: new Set(pages.flatMap((page) => stepsOf(read(page))).map(({ command }) => command)),
  notRun: Object.keys(NOT_RUN),
});
