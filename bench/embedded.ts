import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import { readSources } from '../bin/import/read-sources.ts';
import { runImport } from '../bin/import/run-import.ts';
import { type AnnalsClient, createClient } from '../client/client.ts';
import { XES_COLUMNS } from '../sources/process-logs/csv.ts';
import { serve } from '../test/support/served-process.ts';
import { sampleEvents } from './harness/events.ts';

// A single machine: imports a process log through HTTP, then appends single events in sequence, to `annals serve` in another
// process. `npm run bench -- embedded [log.csv.gz]`; without a file it makes a log of 1,434 cases and 8,577 rows.

const folder = mkdtempSync(join(tmpdir(), 'annals-bench-'));
const server = await serve(join(folder, 'data'));
try {
  const client = createClient({ url: server.url });
  const rss = (): number => Number(execFileSync('ps', ['-o', 'rss=', '-p', `${server.child.pid}`])) / 1024;
  const atStart = rss();
  const file = process.argv.find((argument) => /\.csv(\.gz)?$/.test(argument)) ?? makeLog(1_434, 8_577);
  console.table({ [`import of ${file}`]: await importLog(client, file) });
  console.table({ 'single append of 300 bytes, one after the other, milliseconds': await appends(client, 2_000) });
  const data = statSync(join(folder, 'data/events.sqlite')).size / 1024 / 1024;
  console.table({ megabytes: { 'memory at the start': atStart, 'memory after all': rss(), 'events.sqlite': data } });
} finally {
  server.child.kill();
  await server.finished;
  rmSync(folder, { recursive: true });
}

async function importLog(client: AnnalsClient, path: string) {
  const { parts: cases } = await readSources([path], { format: 'csv', workflowType: 'bench', columns: XES_COLUMNS });
  const first = await runImport(client, cases, { concurrency: 16 });
  const again = await runImport(client, cases, { concurrency: 16 });
  if (first.problems.length > 0 || again.events > 0) throw new Error('the import did not go as it should');
  const { events, streams, seconds } = first;
  return { events, streams, seconds, 'events/s': events / seconds, 'again, seconds': again.seconds };
}

async function appends(client: AnnalsClient, count: number) {
  const microseconds = createHistogram();
  await client.agents.create({ agentId: '42', agentType: 'bench', createdBy: 'bench', configuration: {} });
  for (let version = 1; version <= count; version++) {
    const began = performance.now();
    await client.append('agent-42', { expectedVersion: version, events: sampleEvents(1) });
    microseconds.record(Math.max(1, Math.round((performance.now() - began) * 1_000)));
  }
  const at = (percent: number) => microseconds.percentile(percent) / 1_000;
  return { p50: at(50), p99: at(99), max: microseconds.max / 1_000 };
}

/** Makes a log with the columns of a real log, whose cases run side by side. */
function makeLog(cases: number, rows: number): string {
  const path = join(folder, 'log.csv');
  const lines = Array.from({ length: rows }, (_, row) => {
    const at = new Date(Date.UTC(2026, 0, 1) + row * 60_000).toISOString();
    return `case-${row % cases},task-${row},Confirmation of receipt ${row % 27},Resource${row % 48},Group ${row % 9},${at}`;
  });
  const header = 'case:concept:name,concept:instance,concept:name,org:resource,org:group,time:timestamp';
  writeFileSync(path, [header, ...lines].join('\n'));
  return path;
}
