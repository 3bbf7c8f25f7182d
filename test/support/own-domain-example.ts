import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The folder of the example. */
export const ownDomainExample = join(root, 'examples/own-domain');

/** The example has a package of its own, so it finds `annals` as an installed package. A link stands for the installation. */
export function linkAnnals(): void {
  const modules = join(ownDomainExample, 'node_modules');
  mkdirSync(modules, { recursive: true });
  if (!existsSync(join(modules, 'annals'))) symlinkSync(root, join(modules, 'annals'), 'dir');
}

/** Runs a program of Node in the folder of the example, as its user does. @throws Error with its output when it fails */
export async function runInExample(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = spawn(process.execPath, args, { cwd: ownDomainExample, env: { ...process.env, ...variables } });
  const [output, errors, [status]] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    once(program, 'close'),
  ]);
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${output}${errors}`);
  return output;
}
