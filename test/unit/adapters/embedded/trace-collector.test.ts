import { expect, it } from 'vitest';
import { TraceCollector } from '../../../../adapters/embedded/telemetry/trace-collector.ts';
import { heapSizeOf } from '../../../../core/base/heap-size.ts';
import type { SegmentDocument } from '../../../../core/telemetry/tracer.ts';

const segment = (n: number, text: string) =>
  ({
    trace_id: `1-${String(n).padStart(8, '0')}-${'0'.repeat(24)}`,
    ...{ id: '0123456789abcdef', name: 'annals', start_time: n, end_time: n + 1 },
    annotations: { correlation_id: `c-${n}` },
    metadata: { text },
  }) as unknown as SegmentDocument;

it('traces are bounded in bytes: the oldest are dropped for new traces, with their correlation ids', () => {
  const collector = new TraceCollector(100_000);
  for (let n = 0; n < 100; n++) collector.collect(segment(n, 'x'.repeat(5_000)));
  const kept = Array.from({ length: 100 }, (_, n) => collector.find(`c-${n}`).length).reduce((sum, n) => sum + n);
  const bytes = kept * heapSizeOf(segment(0, 'x'.repeat(5_000)));
  expect(bytes).toBeLessThanOrEqual(100_000);
  expect(bytes).toBeGreaterThan(50_000);
  expect(collector.find('c-99')).toHaveLength(1);
  expect(collector.find('c-0')).toEqual([]);
});

it('the newest trace is kept, however large it is', () => {
  const collector = new TraceCollector(1_000);
  collector.collect(segment(1, 'x'.repeat(5_000)));
  collector.collect(segment(2, 'x'.repeat(5_000)));
  expect(collector.find('c-1')).toEqual([]);
  expect(collector.find('c-2')).toHaveLength(1);
});
