import type { MiddlewareObj } from '@middy/core';
import { observeClients } from '../../adapters/aws/clients/clients.ts';
import { DEFAULT_TENANT } from '../../adapters/aws/dynamodb/tables.ts';
import { EmfMetrics } from '../../adapters/aws/telemetry/emf-metrics.ts';
import { observeClient } from '../../adapters/aws/telemetry/observe-client.ts';
import { XRaySink } from '../../adapters/aws/telemetry/xray-sink.ts';
import type { EventSystem } from '../../core/base/configuration.ts';
import { noMetrics } from '../../core/telemetry/metrics.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Tracer } from '../../core/telemetry/tracer.ts';

/** The telemetry of a function: metrics as log lines, spans to the X-Ray daemon beside the function. */
export interface FunctionTelemetry extends Telemetry {
  /**
   * Counts an answer of 5xx by the version of the function, and writes the count at once. The count decides whether a
   * deployment is rolled back, so it is written also where metrics are switched off.
   */
  countFault(): void;
  /**
   * A middleware: metrics and spans leave before Lambda freezes the function. Powertools' `logMetrics` would write a line at
   * each request, which {@link EmfMetrics} avoids.
   * @param flushMs least time between two flushes of the metrics, milliseconds
   */
  middleware(flushMs: number): MiddlewareObj;
}

/** Creates the telemetry of this function, which observes every call of the function to AWS. */
export function createFunctionTelemetry({ monitoring }: EventSystem): FunctionTelemetry {
  const emf = new EmfMetrics();
  const sink = new XRaySink();
  const tracer = new Tracer(monitoring.tracing_enabled ? sink.send : () => {});
  const metrics = monitoring.metrics_enabled ? emf : noMetrics;
  observeClients((client) => observeClient(client, { metrics, tracer, tables: tableNames(), tenant: DEFAULT_TENANT }));
  return {
    metrics,
    tracer,
    countFault() {
      emf.count('answered_faults_total', { version: process.env['AWS_LAMBDA_FUNCTION_VERSION'] ?? '$LATEST' });
      emf.flush(0);
    },
    middleware(flushMs) {
      const flush = async () => {
        emf.flush(flushMs);
        await sink.flush();
      };
      return {
        after: flush,
        onError: flush,
      };
    },
  };
}

/** The label of each table of this function: the table in EVENTS_TABLE has the label "events". */
function tableNames(): Record<string, string> {
  const tables = Object.entries(process.env).filter(([name]) => name.endsWith('_TABLE'));
  return Object.fromEntries(tables.map(([name, table = '']) => [table, name.replace(/_TABLE$/, '').toLowerCase()]));
}
