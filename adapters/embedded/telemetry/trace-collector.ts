import { heapSizeOf } from '../../../core/base/heap-size.ts';
import { type Trace, traceTree } from '../../../core/telemetry/trace-tree.ts';
import type { SegmentDocument } from '../../../core/telemetry/tracer.ts';

const MAX_TRACES = 1_000;
const MAX_SPANS_A_TRACE = 500;
/** Most memory for all traces together, in bytes, estimated. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Keeps the newest traces in memory, as segment documents of X-Ray: at most 1,000 traces, 16 MB, and 500 spans a trace. */
export class TraceCollector {
  readonly #traces = new Map<string, SegmentDocument[]>();
  readonly #byCorrelation = new Map<string, Set<string>>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Takes in a segment. Drops the oldest traces over the limits, and segments over the limit of their trace. */
  readonly collect = (segment: SegmentDocument): void => {
    const segments = this.#traces.get(segment.trace_id) ?? [];
    if (segments.length >= MAX_SPANS_A_TRACE) return;
    segments.push(segment);
    this.#bytes += heapSizeOf(segment);
    this.#traces.set(segment.trace_id, segments);
    const correlationId = segment.annotations?.['correlation_id'];
    if (typeof correlationId === 'string') this.#correlate(correlationId, segment.trace_id);
    while (this.#traces.size > MAX_TRACES || (this.#bytes > this.#maxBytes && this.#traces.size > 1))
      this.#dropOldest();
  };

  /** The traces with a correlation id, oldest first; empty when there are none or they were dropped. */
  find(correlationId: string): readonly Trace[] {
    const ids = this.#byCorrelation.get(correlationId) ?? [];
    return [...ids].map((traceId) => traceTree(traceId, this.#traces.get(traceId) ?? []));
  }

  #correlate(correlationId: string, traceId: string): void {
    const known = this.#byCorrelation.get(correlationId);
    if (known) known.add(traceId);
    else this.#byCorrelation.set(correlationId, new Set([traceId]));
  }

  #dropOldest(): void {
    const [oldest] = this.#traces.keys();
    if (oldest === undefined) return;
    for (const segment of this.#traces.get(oldest) ?? []) {
      this.#bytes -= heapSizeOf(segment);
      const correlationId = String(segment.annotations?.['correlation_id']);
      const traces = this.#byCorrelation.get(correlationId);
      traces?.delete(oldest);
      if (traces?.size === 0) this.#byCorrelation.delete(correlationId);
    }
    this.#traces.delete(oldest);
  }
}
