import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from '../../bin/serve/server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const home = temporaryFolder();
const figures: string[] = [];
let server: Server;

beforeAll(async () => {
  const logger = { warn: () => {}, error: () => {} }; // the suite sends many faulty requests
  server = await startServer({ port: 0, dataDir: join(home, 'data'), logger });
  await writeFile(join(home, 'package.json'), '{}');
  const packages = ['@modelcontextprotocol/conformance@0.2.0-alpha.12', '@modelcontextprotocol/inspector@2.12.0'];
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], { cwd: home });
});
afterAll(async () => {
  await server.close();
  process.stdout.write(`mcp: ${figures.join('; ')}\n`);
});

/** Runs a program of the packages. Its home is the folder of the test, since it keeps files there. */
const program = (name: string, ...args: string[]) =>
  run(process.execPath, [join(home, 'node_modules', '.bin', name), ...args], {
    cwd: home,
    env: { ...process.env, HOME: home },
  });

/**
 * The scenarios of the official suite that Annals answers with its own tools and resources, by revision of the protocol; and
 * the checks in them that want more. All other scenarios call tools, resources or prompts of a test server. A few of those
 * pass with any error as the answer, so they are not here.
 */
const ANSWERED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  '2026-07-28': {
    'server-stateless': [
      // These four want tools of the test server.
      'sep-2575-server-rejects-undeclared-capability',
      'sep-2575-missing-capability-http-400',
      'sep-2575-http-server-no-independent-requests-on-stream',
      'sep-2575-server-no-log-without-loglevel',
      // Annals refuses `subscriptions/listen`, because its lists never change.
      'sep-2575-server-sends-subscription-ack',
      'sep-2575-server-tags-subscription-id',
      'sep-2575-server-sends-prompts-list-changed-on-subscription',
      'sep-2575-server-sends-tools-list-changed-on-subscription',
    ],
    // Annals has no prompts, and no resources with a fixed name that a list could show.
    caching: ['sep-2549-prompts-list-caching-hints', 'sep-2549-resources-read-caching-hints'],
    'tools-list': [],
    'resources-list': [],
    'sep-2164-resource-not-found': [],
    'server-sse-multiple-streams': [],
    'dns-rebinding-protection': [],
    'http-header-validation': [],
    'input-required-result-unsupported-methods': [],
  },
  '2025-11-25': {
    'server-initialize': [],
    ping: [],
    'tools-list': [],
    'resources-list': [],
    'dns-rebinding-protection': [],
  },
};

describe('the official conformance suite', () => {
  it.each(Object.entries(ANSWERED))('passes in what Annals answers alone, revision %s', async (revision, answered) => {
    const { checks, notScored } = await conformance(revision);
    for (const [scenario, others] of Object.entries(answered)) {
      expect(unpassed(checks.get(scenario)), scenario).toEqual(others.toSorted());
    }
    const scored = [...checks].filter(([scenario]) => !notScored.includes(scenario)).map(([, made]) => made);
    const passed = statusesOf(scored.flat(), 'SUCCESS').length;
    const failed = statusesOf(scored.flat(), 'FAILURE').length;
    const whole = scored.filter((made) => statusesOf(made, 'FAILURE').length === 0).length;
    figures.push(
      `${revision}: Annals alone passes ${whole} of ${scored.length} scenarios, ${passed} of ${passed + failed} checks`,
    );
  });
});

interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
}

/** Runs what a revision requires. @returns the checks by scenario, and the scenarios that are no requirement */
async function conformance(revision: string) {
  const results = join(home, revision);
  await mkdir(results);
  const target = ['--url', `${server.url}/mcp`, '--requirements', revision, '-o', results];
  // The suite ends with code 1, since a requirement of its tools fails.
  const { stdout } = await program('conformance', 'server', ...target).catch((error) => error);
  const checks = new Map<string, readonly Check[]>();
  for (const folder of await readdir(results)) {
    const [, scenario = folder] = /^server-(.+)-\d{4}-\d\d-\d\dT/.exec(folder) ?? [];
    checks.set(scenario, JSON.parse(await readFile(join(results, folder, 'checks.json'), 'utf8')));
  }
  const notScored = [...stdout.matchAll(/^ +[✓✗] (\S+) \(/gm)].map(([, scenario]) => scenario);
  return { checks, notScored };
}

const statusesOf = (checks: readonly Check[], sought: Check['status']) =>
  checks.filter(({ status }) => status === sought);

/** The ids of the checks that did not pass; undefined for a scenario that did not run. */
const unpassed = (checks: readonly Check[] | undefined) =>
  checks && [...new Set(checks.filter(({ status }) => !/SUCCESS|INFO/.test(status)).map(({ id }) => id))].toSorted();

describe('the command line of the inspector', () => {
  const inspect = async (method: string, ...args: string[]) => {
    const target = ['--cli', `${server.url}/mcp`, '--transport', 'http', '--method', method];
    return JSON.parse((await program('mcp-inspector', ...target, ...args)).stdout);
  };
  const call = async (tool: string, ...args: string[]) => {
    const { content } = await inspect('tools/call', '--tool-name', tool, ...args.flatMap((arg) => ['--tool-arg', arg]));
    return JSON.parse(content[0].text);
  };

  it('lists the tools', async () => {
    const { tools } = await inspect('tools/list');
    const names = tools.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['list_agents', 'create_agent', 'record_step']));
  });

  it('calls tools that write and read', async () => {
    await call('create_agent', 'agentId="42"', 'agentType=coder', 'configuration={}', 'createdBy=me');
    await vi.waitFor(async () => expect(await call('list_agents')).toMatchObject({ agents: [{ agentId: '42' }] }));
  });

  it('reads a resource', async () => {
    const { contents } = await inspect('resources/read', '--uri', 'annals://agents/42');
    expect(JSON.parse(contents[0].text)).toMatchObject({ agentId: '42', agentType: 'coder' });
  });
});
