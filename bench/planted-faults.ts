import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Fault, faults } from '../test/support/faults.ts';

// Plants each fault in a copy of the project, and runs the tests there, which have to fail. First it runs the same
// tests without faults, list by list. `npm run test:faults -- [parts of names] [--check]`; --check ends after this.

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const USUAL = [
  'test/simulation',
  'test/unit/core',
  'test/unit/adapters/embedded/engine/engine.test.ts',
  'test/contract/memory.test.ts',
  'test/contract/sqlite.test.ts',
];
/** Most time of the tests of a fault, which may make them run for ever; the tests without a fault get more. */
const LONGEST_MS = 240_000;
const LONGEST_CHECK_MS = 1_200_000;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { check: { type: 'boolean' } } });
const chosen = faults.filter(({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
const copy = mkdtempSync(join(tmpdir(), 'annals-faults-'));
const missed: string[] = [];
try {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: PROJECT });
  execFileSync('tar', ['-c', '--null', '-T', '-', '-f', `${copy}/all.tar`], { cwd: PROJECT, input: files });
  execFileSync('tar', ['-xf', 'all.tar'], { cwd: copy });
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  for (const fault of chosen) plant(fault)();
  check();
  for (const fault of values.check ? [] : chosen) {
    const restore = plant(fault);
    const failures = failuresOf(fault.tests ?? USUAL, LONGEST_MS);
    restore();
    if (failures.length === 0) missed.push(fault.name);
    console.log(
      `${failures.length > 0 ? 'caught' : 'MISSED'}  ${fault.name}${failures.map((each) => `\n        ${each}`)}`,
    );
  }
  if (!values.check) console.log(missed.length === 0 ? 'every fault was caught' : `${missed.length} missed`);
} finally {
  rmSync(copy, { recursive: true });
}
process.exitCode = missed.length === 0 ? 0 : 1;

/** Runs each list of tests without a fault. @throws Error with the tests that fail */
function check(): void {
  const lists = new Map(chosen.map(({ tests = USUAL }) => [tests.join(' '), tests]));
  const red: string[] = [];
  for (const [name, tests] of lists) {
    const failures = failuresOf(tests, LONGEST_CHECK_MS);
    console.log(`${failures.length > 0 ? 'RED   ' : 'green '}  without a fault: ${name}`);
    red.push(...failures);
  }
  if (red.length > 0) throw new Error(`these tests fail without any fault:\n${red.join('\n')}`);
}

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

/** What an answer of vitest's JSON reporter says about a file of tests. */
interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

/** Runs tests until the first failure. @returns what failed; empty when all passed */
function failuresOf(tests: readonly string[], timeout: number): string[] {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const environment = { ...process.env, SIMULATION_SEEDS: '150' };
  const reporter = ['--reporter=json', `--outputFile=${report}`];
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', '--silent', ...reporter, ...tests];
  const options = { cwd: copy, env: environment, encoding: 'utf8', timeout } as const;
  const { status, signal, stderr } = spawnSync(process.execPath, args, options);
  if (status === 0) return [];
  if (signal) return [`no end after ${timeout / 1_000} s`];
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: readonly FileResult[] };
    const failures = testResults.filter((file) => file.status === 'failed').flatMap(namesOf);
    return failures.length > 0 ? failures : [stderr];
  } catch {
    return [stderr || 'vitest ended without a report'];
  }
}

function namesOf({ name, message, assertionResults }: FileResult): string[] {
  const failed = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  return (failed.length > 0 ? failed : [message]).map((each) => `${name.replace(`${copy}/`, '')}: ${each}`);
}
