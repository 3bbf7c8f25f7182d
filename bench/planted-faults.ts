import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Fault, faults } from '../test/support/faults.ts';

// Plants each fault in a copy of the project, and runs the tests there, which have to fail. `npm run test:faults [part of a name]`

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const USUAL = [
  'test/simulation',
  'test/unit/core',
  'test/unit/adapters/embedded/engine/engine.test.ts',
  'test/contract/memory.test.ts',
  'test/contract/sqlite.test.ts',
];

const [only = ''] = process.argv.slice(2);
const copy = mkdtempSync(join(tmpdir(), 'annals-faults-'));
const missed: string[] = [];
try {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: PROJECT });
  execFileSync('tar', ['-c', '--null', '-T', '-', '-f', `${copy}/all.tar`], { cwd: PROJECT, input: files });
  execFileSync('tar', ['-xf', 'all.tar'], { cwd: copy });
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  if (!passes([...new Set([...USUAL, ...faults.flatMap(({ tests = [] }) => tests)])]))
    throw new Error('the tests fail without any fault');
  for (const fault of faults.filter(({ name }) => name.includes(only))) {
    const restore = plant(fault);
    const noticed = !passes(fault.tests ?? USUAL);
    restore();
    if (!noticed) missed.push(fault.name);
    console.log(`${noticed ? 'caught' : 'MISSED'}  ${fault.name}`);
  }
} finally {
  rmSync(copy, { recursive: true });
}
console.log(missed.length === 0 ? 'every fault was caught' : `${missed.length} missed`);
process.exitCode = missed.length === 0 ? 0 : 1;

/** @returns a function that removes the fault. @throws Error when the source has not exactly one place for it */
function plant({ name, edits }: Fault): () => void {
  const before = new Map(edits.map(([file]) => [file, readFileSync(join(copy, file), 'utf8')]));
  for (const [file, find, replace] of edits) {
    const source = readFileSync(join(copy, file), 'utf8');
    if (source.split(find).length !== 2) throw new Error(`${name}: ${file} has not exactly one ${find}`);
    writeFileSync(
      join(copy, file),
      source.replace(find, () => replace),
    );
  }
  return () => before.forEach((source, file) => void writeFileSync(join(copy, file), source));
}

function passes(tests: readonly string[]): boolean {
  const environment = { ...process.env, SIMULATION_SEEDS: '150' };
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', '--silent', '--reporter=dot', ...tests];
  return (
    spawnSync(process.execPath, args, { cwd: copy, env: environment, stdio: 'ignore', timeout: 240_000 }).status === 0
  );
}
