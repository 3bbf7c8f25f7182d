import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `annals <arguments>` as a separate process; `limit` is a shell command that limits it, such as `ulimit -f 100`. */
export function runAnnals(args: readonly string[], env: Readonly<Record<string, string>> = {}, limit = 'true') {
  const command = [process.execPath, 'bin/annals.ts', ...args];
  const child = spawn('sh', ['-c', `${limit} && exec "$0" "$@"`, ...command], {
    cwd: PROJECT,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, finished: finish(child) };
}

async function finish(child: ChildProcess): Promise<Finished> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text) => stdout.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text) => stderr.push(text));
  const [code, signal] = await once(child, 'close');
  return { code, signal, stdout: stdout.join(''), stderr: stderr.join('') };
}

export interface ServedProcess {
  readonly url: string;
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

/** `annals serve` on a free port, after it has printed its URL. */
export async function serve(dataDir: string, limit?: string): Promise<ServedProcess> {
  const { child, finished } = runAnnals(['serve'], { PORT: '0', ANNALS_DATA: dataDir }, limit);
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
    if (url) return { url, child, finished };
  }
  throw new Error(`the server did not start: ${(await finished).stderr}`);
}
