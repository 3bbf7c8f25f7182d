import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { available, run } from './shell.ts';

/** A program that PyPI has. */
export interface PythonTool {
  /** Of the package and of its command. */
  readonly name: string;
  /** Pinned: the version that was seen working here. */
  readonly version: string;
}

/** The Python of this machine: 3.10 or newer, able to make virtual environments; undefined where there is none. */
export async function findPython(): Promise<string | undefined> {
  const wanted = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';
  for (const python of ['python3', 'python']) {
    if (await available(python, '-c', wanted)) return python;
  }
  return undefined;
}

/**
 * Installs a tool in a private virtual environment under a folder, unless it is there.
 * @returns the path of its command
 * @throws CommandFailed when the package cannot be installed
 */
export async function installTool(python: string, folder: string, { name, version }: PythonTool): Promise<string> {
  const venv = join(folder, `${name}-${version}`);
  const program = join(venv, 'bin', name);
  if (await available(program, '--help')) return program;
  rmSync(venv, { recursive: true, force: true });
  await run(python, ['-m', 'venv', venv]);
  const pip = join(venv, 'bin', 'pip');
  await run(pip, ['install', '--quiet', '--disable-pip-version-check', `${name}==${version}`]);
  return program;
}
