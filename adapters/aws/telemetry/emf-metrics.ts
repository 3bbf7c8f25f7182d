import { Metrics as Powertools } from '@aws-lambda-powertools/metrics';
import { type MetricName, type Metrics, metricCatalogue } from '../../../core/telemetry/metrics.ts';

const units = { count: 'Count', seconds: 'Seconds', bytes: 'Bytes' } as const;

/** CloudWatch takes 100 values of a metric in a log line. Powertools flushes at that number itself, so this class flushes before. */
const MAX_VALUES = 99;

/** The measurements with the same labels since the last flush. */
interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly counts: Map<MetricName, number>;
  readonly values: Map<MetricName, number[]>;
}

/**
 * Metrics as log lines in CloudWatch's Embedded Metric Format, a line for all metrics with the same labels. A line costs as
 * much as a small write. So a function that answers requests writes lines at most every 10 s; an environment that ends in
 * between loses at most 10 s of counts.
 *
 * Every metric is also published without its labels, by function, for alarms.
 */
export class EmfMetrics implements Metrics {
  readonly #powertools: Powertools;
  readonly #groups = new Map<string, Group>();
  #flushed = 0;

  /** Powertools reads namespace and service from POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_SERVICE_NAME. */
  constructor() {
    this.#powertools = new Powertools();
  }

  count(name: MetricName, labels: Readonly<Record<string, string>>, by = 1): void {
    const { counts } = this.#group(labels);
    counts.set(name, (counts.get(name) ?? 0) + by);
  }

  observe(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    const { values } = this.#group(labels);
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
    if (known?.length === MAX_VALUES) this.#flush();
  }

  gauge(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    this.#group(labels).values.set(name, [value]);
  }

  /**
   * Writes all measurements, unless the last flush is less than `intervalMs` ago. Call it when an invocation ends.
   * @param intervalMs milliseconds; 0 for a function whose invocations are batches already
   */
  flush(intervalMs: number): void {
    if (Date.now() - this.#flushed >= intervalMs) this.#flush();
  }

  #group(labels: Readonly<Record<string, string>>): Group {
    const key = JSON.stringify(labels);
    const known = this.#groups.get(key);
    if (known) return known;
    const group: Group = { labels, counts: new Map(), values: new Map() };
    this.#groups.set(key, group);
    return group;
  }

  #flush(): void {
    this.#flushed = Date.now();
    for (const { labels, counts, values } of this.#groups.values()) {
      this.#powertools.addDimensions({}); // without labels: Powertools adds the service to every set of dimensions
      if (Object.keys(labels).length > 0) this.#powertools.addDimensions({ ...labels });
      for (const [name, count] of counts) this.#powertools.addMetric(name, units.count, count);
      for (const [name, all] of values) {
        for (const value of all) this.#powertools.addMetric(name, units[metricCatalogue[name].unit], value);
      }
      this.#powertools.publishStoredMetrics();
    }
    this.#groups.clear();
  }
}
