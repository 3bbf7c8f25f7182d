import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EmfMetrics } from '../../../../../adapters/aws/telemetry/emf-metrics.ts';

const lines: Record<string, unknown>[] = [];

beforeEach(() => {
  vi.stubEnv('POWERTOOLS_DEV', 'true'); // has it write to the global console
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
  vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'annals-test');
  vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'annals-command');
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(JSON.parse(line)));
  vi.spyOn(console, 'warn').mockImplementation((line) => expect.unreachable(line));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  lines.length = 0;
});

it('writes a line for all metrics with the same labels, by function with and without labels', () => {
  const metrics = new EmfMetrics();
  metrics.count('appends_total', { outcome: 'written' });
  metrics.count('appends_total', { outcome: 'written' }, 2);
  metrics.observe('append_duration_seconds', {}, 0.002);
  metrics.observe('append_duration_seconds', {}, 0.004);
  metrics.flush(0);
  expect(lines).toMatchObject([
    {
      _aws: {
        CloudWatchMetrics: [
          {
            Namespace: 'annals-test',
            Dimensions: [['service'], ['service', 'outcome']],
            Metrics: [{ Name: 'appends_total', Unit: 'Count' }],
          },
        ],
      },
      service: 'annals-command',
      outcome: 'written',
      appends_total: 3,
    },
    {
      _aws: { CloudWatchMetrics: [{ Metrics: [{ Name: 'append_duration_seconds', Unit: 'Seconds' }] }] },
      append_duration_seconds: [0.002, 0.004],
    },
  ]);
  metrics.flush(0);
  expect(lines).toHaveLength(2);
});

it('writes at the first invocation, and then once in an interval', () => {
  vi.useFakeTimers();
  const metrics = new EmfMetrics();
  for (let second = 0; second < 25; second += 1) {
    metrics.count('appends_total', { outcome: 'written' });
    metrics.flush(10_000);
    vi.advanceTimersByTime(1_000);
  }
  expect(lines.map(({ appends_total }) => appends_total)).toEqual([1, 10, 10]);
});

it('never collects more values of a metric than a line may have', () => {
  const metrics = new EmfMetrics();
  for (let index = 0; index < 250; index += 1) metrics.observe('append_duration_seconds', {}, index);
  metrics.flush(0);
  const written = lines.map(({ append_duration_seconds }) => [append_duration_seconds].flat().length);
  expect(written).toEqual([99, 99, 52]);
});
