import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The folder of the emulated cloud: the emulator, its state, and the deployment. */
export const cloudFolder = fileURLToPath(new URL('../../.cloud', import.meta.url));

/** A command of the machine failed; the message has the last lines of its output. */
export class CommandFailed extends Error {}

/** This machine can run no emulator; the message says what to install. */
export class NoEmulator extends CommandFailed {}

/** Settings of {@link run}. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The working directory; that of this process by default. */
  readonly cwd?: string | undefined;
  /** Called with each piece of output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a command to its end. @returns its output @throws CommandFailed when it cannot start or does not exit with 0 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { cwd, env } = options;
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      options.onOutput?.(text);
    });
  }
  const [code] = await once(child, 'close').catch((cause) => {
    throw new CommandFailed(`${command} cannot be run: ${cause.message}`, { cause });
  });
  if (code === 0) return output;
  throw new CommandFailed(
    `${command} ${args.join(' ')} ended with ${code}:\n${output.split('\n').slice(-25).join('\n')}`,
  );
}

/** Whether a command runs and exits with 0. */
export const available = (command: string, ...args: string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  );
