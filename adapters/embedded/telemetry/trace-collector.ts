import { type Trace, traceTree } from '../../../core/telemetry/trace-tree.ts';
import type { SegmentDocument } from '../../../core/telemetry/tracer.ts';

const MAX_TRACES = 1_000;
const MAX_SPANS_A_TRACE = 500;

/** Keeps the newest 1,000 traces in memory, up to 500 spans each, in the form that they have on AWS. */
export class TraceCollector {
  readonly #traces = new Map<string, SegmentDocument[]>();
  readonly #byCorrelation = new Map<string, Set<string>>();

  readonly collect = (segment: SegmentDocument): void => {
    const segments = this.#traces.get(segment.trace_id) ?? [];
    if (segments.length >= MAX_SPANS_A_TRACE) return;
    segments.push(segment);
    this.#traces.set(segment.trace_id, segments);
    const correlationId = segment.annotations?.['correlation_id'];
    if (typeof correlationId === 'string') this.#correlate(correlationId, segment.trace_id);
    if (this.#traces.size > MAX_TRACES) this.#forgetOldest();
  };

  /** The traces of a conversation, oldest first; empty when there are none or they are forgotten. */
  find(correlationId: string): readonly Trace[] {
    const ids = this.#byCorrelation.get(correlationId) ?? [];
    return [...ids].map((traceId) => traceTree(traceId, this.#traces.get(traceId) ?? []));
  }

  #correlate(correlationId: string, traceId: string): void {
    const known = this.#byCorrelation.get(correlationId);
    if (known) known.add(traceId);
    else this.#byCorrelation.set(correlationId, new Set([traceId]));
  }

  #forgetOldest(): void {
    const [oldest] = this.#traces.keys();
    if (oldest === undefined) return;
    for (const { annotations } of this.#traces.get(oldest) ?? []) {
      const correlationId = String(annotations?.['correlation_id']);
      const traces = this.#byCorrelation.get(correlationId);
      traces?.delete(oldest);
      if (traces?.size === 0) this.#byCorrelation.delete(correlationId);
    }
    this.#traces.delete(oldest);
  }
}
