import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configureEventSystem } from '../core/base/configuration.ts';
import { bundleFunctions } from '../lib/shared/bundle.ts';

// The time to load each function on this machine's Node, without and with compiled code in Node's compile cache.

const RUNS = 20;
const folder = mkdtempSync(join(tmpdir(), 'annals-cold-start-'));

const environment = {
  ...process.env,
  ANNALS_CONFIG: JSON.stringify(configureEventSystem({})),
  AWS_REGION: 'us-east-1',
  POWERTOOLS_SERVICE_NAME: 'annals-bench',
  ...Object.fromEntries(
    [
      'EVENTS_TABLE',
      'VIEWS_TABLE',
      'CONTROL_TABLE',
      'LOG_TABLE',
      'EVENT_BUS',
      'OBJECTS_BUCKET',
      'REPLAY_STATE_MACHINE',
      'FAILURES_BUCKET',
      'PROJECTOR_FUNCTION',
      'RELAY_FUNCTION',
      'SAGA_TOKENS_TABLE',
      'SAGA_MACHINE_ARN_PREFIX',
      'VERIFY_EVERY_HOURS',
    ].map((name) => [name, 'x']),
  ),
};

/** Milliseconds to load a module: by the clock, and of the processor, which depends less on the load of the machine. */
function load(file: string, more: Record<string, string>): { wall: number; cpu: number } {
  const script = `
    const [began, before] = [performance.now(), process.cpuUsage()];
    await import(${JSON.stringify(file)});
    const { user, system } = process.cpuUsage(before);
    process.stdout.write(JSON.stringify({ wall: performance.now() - began, cpu: (user + system) / 1000 }));`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...environment, ...more },
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

const round = (value: number): number => Math.round(value * 10) / 10;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return round(sorted[sorted.length >> 1] ?? 0);
}

try {
  const rows: Record<string, object> = {};
  for (const { name, directory, bytes } of Object.values(bundleFunctions(join(folder, 'functions')))) {
    const file = join(directory, 'index.mjs');
    const times = (more: Record<string, string>) => {
      load(file, more); // the first load fills the cache
      const loads = Array.from({ length: RUNS }, () => load(file, more));
      const walls = loads.map(({ wall }) => wall);
      return { wall: median(walls), best: round(Math.min(...walls)), cpu: median(loads.map(({ cpu }) => cpu)) };
    };
    const plain = times({});
    const cached = times({ NODE_COMPILE_CACHE: join(folder, 'cache') });
    rows[name] = {
      KB: Math.round(bytes / 1_024),
      'wall, median': plain.wall,
      'wall, best': plain.best,
      'cpu, median': plain.cpu,
      'compiled before: wall, median': cached.wall,
      'cached: wall, best': cached.best,
      'cached: cpu, median': cached.cpu,
    };
  }
  console.log(`Node ${process.version}, ${RUNS} loads each, milliseconds`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
