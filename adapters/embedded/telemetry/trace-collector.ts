import { heapSizeOf } from '../../../core/base/heap-size.ts';
import { type Trace, traceTree } from '../../../core/telemetry/trace-tree.ts';
import type { SegmentDocument } from '../../../core/telemetry/tracer.ts';

const MAX_TRACES = 1_000;
const MAX_SPANS_A_TRACE = 500;
/** Most memory of all traces, by estimate. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Keeps the newest traces in memory, in the form that they have on AWS: 1,000 of them, or 16 MB, up to 500 spans each. */
export class TraceCollector {
  readonly #traces = new Map<string, SegmentDocument[]>();
  readonly #byCorrelation = new Map<string, Set<string>>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  readonly collect = (segment: SegmentDocument): void => {
    const segments = this.#traces.get(segment.trace_id) ?? [];
    if (segments.length >= MAX_SPANS_A_TRACE) return;
    segments.push(segment);
    this.#bytes += heapSizeOf(segment);
    this.#traces.set(segment.trace_id, segments);
    const correlationId = segment.annotations?.['correlation_id'];
    if (typeof correlationId === 'string') this.#correlate(correlationId, segment.trace_id);
    while (this.#traces.size > MAX_TRACES || (this.#bytes > this.#maxBytes && this.#traces.size > 1))
      this.#forgetOldest();
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
