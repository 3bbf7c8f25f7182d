import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { findPython, installTool } from './python.ts';
import { available, CommandFailed, NoEmulator, run } from './shell.ts';

/** The version with which the cloud tests pass. */
const VERSION = '1.5.33';
const PREFERRED_PORT = 4566;
const CONTAINER = 'annals-ministack';

/** Starts MiniStack with corrections of its differences to AWS, which the file lists. */
const launcher = fileURLToPath(new URL('start-ministack.py', import.meta.url));

const running = z.object({ endpoint: z.string(), pid: z.int().optional(), container: z.string().optional() });
type Running = z.output<typeof running>;

/** MiniStack, an emulator of AWS, installed and run in a folder of the project. */
export class MiniStack {
  readonly #folder: string;
  readonly #state: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#state = join(folder, 'ministack.json');
  }

  /** The endpoint of an emulator that an earlier run started; undefined when it does not answer. */
  async endpoint(): Promise<string | undefined> {
    const state = this.#load();
    return state && (await isHealthy(state.endpoint)) ? state.endpoint : undefined;
  }

  /**
   * Installs the emulator unless it is installed, starts it on loopback, and waits until it answers.
   * @throws CommandFailed when the machine has neither Python 3.10 or newer nor a container engine
   */
  async start(): Promise<string> {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const environment = {
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      SFTP_ENABLED: '0',
      IOT_MTLS_ENABLED: '0',
      LAMBDA_STATE_TRANSITION_SECONDS: '0',
      // Shortens the pauses between retries of state machines. MiniStack has no jitter, so failed tasks repeat at the same time.
      SFN_WAIT_SCALE: '0.1',
    };
    const python = await findPython();
    const started = python ? await this.#startProcess(python, environment) : await startContainer(port);
    this.#save({ endpoint, ...started });
    for (let waited = 0; waited < 30_000; waited += 100) {
      if (await isHealthy(endpoint)) return endpoint;
      await delay(100);
    }
    throw new CommandFailed(`MiniStack did not answer at ${endpoint} within 30 s; see ${this.#log}`);
  }

  /** Ends the emulator that {@link start} started. @returns whether there was an emulator to end */
  async stop(): Promise<boolean> {
    const state = this.#load();
    if (!state) return false;
    if (state.container) await run('docker', ['rm', '--force', state.container]);
    if (state.pid && (await this.#isEmulator(state.pid))) await endGroup(state.pid);
    rmSync(this.#state);
    return true;
  }

  get #log(): string {
    return join(this.#folder, 'ministack.log');
  }

  async #startProcess(python: string, environment: Record<string, string>): Promise<{ pid: number }> {
    const program = await this.#install(python);
    mkdirSync(this.#folder, { recursive: true });
    const log = openSync(this.#log, 'w');
    // The emulator runs functions on the first Node of the path: here that of this process, which has Lambda's version.
    const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
    const env = { ...process.env, ...environment, PATH: path };
    const child = spawn(join(dirname(program), 'python'), [launcher], {
      detached: true,
      stdio: ['ignore', log, log],
      env,
    });
    closeSync(log);
    child.unref();
    if (child.pid === undefined) throw new CommandFailed(`${program} cannot be started`);
    return { pid: child.pid };
  }

  async #install(python: string): Promise<string> {
    try {
      return await installTool(python, this.#folder, { name: 'ministack', version: VERSION });
    } catch (cause) {
      throw new NoEmulator(`MiniStack ${VERSION} cannot be installed: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Whether a process id is still that of the emulator: its command names the folder of the emulator. When the process has
   * ended, its group still belongs to the emulator, because no new process gets the number of a group with members.
   */
  async #isEmulator(pid: number): Promise<boolean> {
    const command = await run('ps', ['-p', String(pid), '-o', 'command=']).catch(() => '');
    return command.trim() === '' || command.includes('<defunct>') || command.includes(this.#folder);
  }

  #load(): Running | undefined {
    try {
      return running.parse(JSON.parse(readFileSync(this.#state, 'utf8')));
    } catch {
      return undefined; // no emulator was started, or its file is incomplete
    }
  }

  #save(state: Running): void {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(this.#state, JSON.stringify(state));
  }
}

/** Whether an emulator with LocalStack's health check answers at an endpoint. */
async function isHealthy(endpoint: string): Promise<boolean> {
  return (await readStatus(`${endpoint}/_localstack/health`)) === 200;
}

/** Whether a server answers at a URL, with any status: emulators differ in their answers to a plain request. */
export const answers = async (url: string): Promise<boolean> => (await readStatus(url)) !== undefined;

async function readStatus(url: string): Promise<number | undefined> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).status;
  } catch {
    return undefined;
  }
}

/** Time for the emulator to end after SIGTERM, milliseconds. The functions that it runs often stay behind. */
const GRACE_MS = 3_000;

/** Ends a process and the functions that it runs, which are in its group: by SIGTERM, then by SIGKILL. */
async function endGroup(leader: number): Promise<void> {
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-leader, name);
    } catch {
      return false; // no process of the group is left
    }
  };
  signal('SIGTERM');
  for (let waited = 0; waited < GRACE_MS && signal(0); waited += 100) await delay(100);
  signal('SIGKILL');
}

async function startContainer(port: number): Promise<{ container: string }> {
  if (!(await available('docker', 'info'))) {
    throw new NoEmulator(
      'An emulated cloud needs Python 3.10 or newer with venv (https://www.python.org), or a running container engine; or set AWS_ENDPOINT_URL to an emulator that runs already.',
    );
  }
  await run('docker', ['rm', '--force', CONTAINER]);
  const publish = `127.0.0.1:${port}:4566`;
  await run('docker', [
    'run',
    '--detach',
    '--name',
    CONTAINER,
    '--publish',
    publish,
    `ministackorg/ministack:${VERSION}`,
  ]);
  return { container: CONTAINER };
}

/** The usual port of emulators when it is free, else any free port. */
async function freePort(): Promise<number> {
  for (const port of [PREFERRED_PORT, 0]) {
    const bound = await new Promise<number | undefined>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(undefined));
      probe.listen(port, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
      });
    });
    if (bound !== undefined) return bound;
  }
  throw new CommandFailed('no free port on 127.0.0.1');
}
