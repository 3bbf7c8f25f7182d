import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { available, run } from './shell.ts';

/** A program on PyPI. */
export interface PythonTool {
  /** Name of the package and of its command. */
  readonly name: string;
  /** The version to install, with which the program is known to work. */
  readonly version: string;
}

/** The command of a Python 3.10 or newer with virtual environments; undefined when this machine has none. */
export async function findPython(): Promise<string | undefined> {
  const wanted = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';
  for (const python of ['python3', 'python']) {
    if (await available(python, '-c', wanted)) return python;
  }
  return undefined;
}

/**
 * Installs a tool in a virtual environment in a folder, unless it is installed.
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
