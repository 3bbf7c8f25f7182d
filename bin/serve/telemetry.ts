import type { Engine } from '../../adapters/embedded/engine/engine.ts';
import { PrometheusMetrics } from '../../adapters/embedded/telemetry/prometheus-metrics.ts';
import { TraceCollector } from '../../adapters/embedded/telemetry/trace-collector.ts';
import type { EventSystem } from '../../core/base/configuration.ts';
import { safeDetails } from '../../core/base/describe-error.ts';
import type { Logger } from '../../core/base/log-lines.ts';
import { type HealthReport, healthValue } from '../../core/telemetry/health.ts';
import { type Metrics, noMetrics } from '../../core/telemetry/metrics.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Trace } from '../../core/telemetry/trace-tree.ts';
import { type SegmentSink, Tracer } from '../../core/telemetry/tracer.ts';
import type { TraceEndpoint } from './trace-endpoint.ts';
import { TraceExporter } from './trace-exporter.ts';

/** The telemetry of this process, with the stores from which its routes read. */
export interface LocalTelemetry extends Telemetry {
  /** Undefined when metrics are switched off. */
  readonly prometheus: PrometheusMetrics | undefined;
  /** The traces with a correlation id that are in memory. */
  tracesOf(correlationId: string): readonly Trace[];
  /** Sends the last spans to the collector, if there is a collector; takes at most 3 s. */
  close(): Promise<void>;
}

/** Where the telemetry of a server goes. */
export interface TelemetryTargets {
  readonly logger: Logger;
  /** Gets the traces, beside the memory of the server. */
  readonly traceEndpoint?: TraceEndpoint | undefined;
}

/** Creates the telemetry of a server: metrics for Prometheus, and traces in memory and for a collector. */
export function createServerTelemetry(
  { monitoring }: EventSystem,
  { logger, traceEndpoint }: TelemetryTargets,
): LocalTelemetry {
  const prometheus = monitoring.metrics_enabled ? new PrometheusMetrics() : undefined;
  const metrics = prometheus ?? noMetrics;
  const traces = new TraceCollector();
  const exporter =
    monitoring.tracing_enabled && traceEndpoint ? new TraceExporter(traceEndpoint, { logger, metrics }) : undefined;
  const record: SegmentSink = (segment) => {
    traces.collect(segment);
    exporter?.send(segment);
  };
  return {
    metrics,
    tracer: new Tracer(monitoring.tracing_enabled ? record : () => {}),
    prometheus,
    tracesOf: (id) => traces.find(id),
    close: async () => exporter?.close(),
  };
}

/** Sets the gauges of the engine's state whenever metrics are read. */
export function gaugeEngine({ prometheus }: LocalTelemetry, engine: Engine): void {
  prometheus?.beforeReading(async () => {
    for (const { name: projection, lag, deadLetters } of await engine.projectionStatus()) {
      prometheus.gauge('projection_lag_versions', { projection }, lag);
      prometheus.gauge('dead_letters', { projection }, deadLetters);
    }
    gaugeHealth(prometheus, engine.health().checks);
  });
}

function gaugeHealth(metrics: Metrics, checks: HealthReport['checks']): void {
  for (const [part, state] of Object.entries(checks)) metrics.gauge('health', { part }, healthValue[state]);
}

/**
 * Checks the health of the engine at intervals, for the metrics, and logs each change of its status.
 * @returns a function that ends the checks
 */
export function watchHealth(engine: Engine, { metrics }: Telemetry, logger: Logger, intervalMs: number): () => void {
  let known: HealthReport['status'] = 'ok';
  const timer = setInterval(() => {
    const { status, checks } = engine.health();
    gaugeHealth(metrics, checks);
    if (status !== known) logger.warn(`the service was ${known} and is ${status}`, checks);
    known = status;
  }, intervalMs);
  return () => clearInterval(timer);
}

/** A logger whose lines have the ids of the trace and its correlation, and no payloads. */
export function safeLogger(logger: Logger, tracer: Tracer): Logger {
  return {
    warn: (message, details) => logger.warn(message, { ...safeDetails(details), ...tracer.ids }),
    error: (message, details) => logger.error(message, { ...safeDetails(details), ...tracer.ids }),
  };
}
