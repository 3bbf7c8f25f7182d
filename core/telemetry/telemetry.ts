import type { Catalogue } from '../events/catalogue.ts';
import type { Commit } from '../store/commit.ts';
import { meteredDelivery, type Processor } from './metered.ts';
import { type Metrics, noMetrics } from './metrics.ts';
import { tracedDelivery } from './traced.ts';
import { Tracer } from './tracer.ts';

/** The metrics and traces of a host. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

/** Telemetry that records nothing. */
export const noTelemetry = (): Telemetry => ({ metrics: noMetrics, tracer: new Tracer(() => {}) });

/**
 * Work on delivered commits with metrics and traces, under the name of its processor.
 * @param catalogue the types of the commits' events
 */
export function observedDelivery<F extends { readonly commit: Commit; readonly error: unknown }>(
  processor: Processor,
  work: (commits: readonly Commit[]) => Promise<readonly F[]>,
  { metrics, tracer, catalogue }: Telemetry & { readonly catalogue: Catalogue },
): (commits: readonly Commit[]) => Promise<readonly F[]> {
  return tracedDelivery(processor, meteredDelivery(processor, work, { metrics, catalogue }), { tracer, catalogue });
}
