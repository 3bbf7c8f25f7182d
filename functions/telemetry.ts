import { observeClients } from '../adapters/aws/clients/clients.ts';
import { EmfMetrics } from '../adapters/aws/telemetry/emf-metrics.ts';
import { observeClient } from '../adapters/aws/telemetry/observe-client.ts';
import { XRaySink } from '../adapters/aws/telemetry/xray-sink.ts';
import type { EventSystem } from '../core/base/configuration.ts';
import { noMetrics } from '../core/telemetry/metrics.ts';
import type { Telemetry } from '../core/telemetry/telemetry.ts';
import { Tracer } from '../core/telemetry/tracer.ts';

/** What a function tells of itself: metrics as log lines, spans to the X-Ray daemon beside it. */
export interface FunctionTelemetry extends Telemetry {
  /**
   * Runs an invocation in its trace, and hands over what was measured before Lambda freezes the function.
   * @param flushMs least time between two writings of metrics; see {@link EmfMetrics}
   */
  invocation<T>(flushMs: number, work: () => Promise<T>): Promise<T>;
}

/** Observes this function and every call that it makes to AWS. */
export function createFunctionTelemetry({ monitoring }: EventSystem): FunctionTelemetry {
  const emf = monitoring.metrics_enabled ? new EmfMetrics() : undefined;
  const sink = new XRaySink(process.env['AWS_XRAY_DAEMON_ADDRESS']);
  const tracer = new Tracer(monitoring.tracing_enabled ? sink.send : () => {});
  const metrics = emf ?? noMetrics;
  observeClients((client) => observeClient(client, { metrics, tracer, tables: tableNames() }));
  return {
    metrics,
    tracer,
    async invocation(flushMs, work) {
      try {
        // Lambda keeps the trace header of the invocation in work here, and records the function's own span itself.
        return await tracer.within(process.env['_X_AMZN_TRACE_ID'], work);
      } finally {
        emf?.flush(flushMs);
        await sink.flush();
      }
    },
  };
}

/** The tables of this function by what they hold: EVENTS_TABLE is counted as "events". */
function tableNames(): Record<string, string> {
  const tables = Object.entries(process.env).filter(([name]) => name.endsWith('_TABLE'));
  return Object.fromEntries(tables.map(([name, table = '']) => [table, name.replace(/_TABLE$/, '').toLowerCase()]));
}
