import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type MetricName, type Metrics, metricCatalogue } from '../../../core/telemetry/metrics.ts';

/** Buckets for times: from 0.1 ms, a write in SQLite, to a minute, an outage. */
const SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60];
/** Buckets for sizes: from a small event to the largest commit. */
const BYTES = [128, 256, 512, 1_024, 4_096, 16_384, 65_536, 262_144, 393_216];

/** Metrics of this process, in the text format of Prometheus. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #beforeReading: (() => Promise<void>)[] = [];

  constructor() {
    for (const [key, { kind, help, unit, labels }] of Object.entries(metricCatalogue)) {
      const name = key as MetricName;
      const common = { name, help, labelNames: labels, registers: [this.#registry] };
      if (kind === 'counter') this.#counters.set(name, new Counter(common));
      if (kind === 'gauge') this.#gauges.set(name, new Gauge(common));
      const buckets = unit === 'bytes' ? BYTES : SECONDS;
      if (kind === 'histogram') this.#histograms.set(name, new Histogram({ ...common, buckets }));
    }
  }

  /** Calls `set` before each {@link read}: for gauges whose values are only worth computing when they are read. */
  beforeReading(set: () => Promise<void>): void {
    this.#beforeReading.push(set);
  }

  count(name: MetricName, labels: Readonly<Record<string, string>>, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  observe(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    this.#histograms.get(name)?.observe(labels, value);
  }

  gauge(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  /** All metrics in Prometheus' text format, with its content type. */
  async read(): Promise<{ contentType: string; text: string }> {
    for (const set of this.#beforeReading) await set();
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
