import type { MetricName, Metrics } from '../../core/telemetry/metrics.ts';
import { type SegmentDocument, Tracer } from '../../core/telemetry/tracer.ts';

export interface Measurement {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Metrics and spans that a test can read. */
export function recordTelemetry() {
  const measurements: Measurement[] = [];
  const spans: SegmentDocument[] = [];
  const record = (name: MetricName, labels: Readonly<Record<string, string>>, value: number) =>
    void measurements.push({ name, labels, value });
  const metrics: Metrics = {
    count: (name, labels, by = 1) => record(name, labels, by),
    observe: record,
    gauge: record,
  };
  const counted = (name: MetricName) =>
    measurements
      .filter((one) => one.name === name)
      .map(({ labels, value }): { value: number; [label: string]: string | number } => ({ ...labels, value }));
  return { metrics, tracer: new Tracer((span) => void spans.push(span)), spans, counted };
}
