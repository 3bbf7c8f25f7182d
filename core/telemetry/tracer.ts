import { AsyncLocalStorage } from 'node:async_hooks';
import { newSegmentId, newTrace, parseTraceHeader, type TracePlace, traceHeaderOf } from './trace-header.ts';

/** The attributes of a span. Values are ids and names, never a payload. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A span in the format of AWS X-Ray, for every sink.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
 */
export interface SegmentDocument {
  readonly name: string;
  readonly id: string;
  readonly trace_id: string;
  readonly parent_id?: string;
  /** Absent for the span of a service. */
  readonly type?: 'subsegment';
  /** Seconds since 1970, with fractions. */
  readonly start_time: number;
  readonly end_time: number;
  readonly annotations?: Attributes;
  /** `aws` on a call to a service of AWS. */
  readonly namespace?: 'aws';
  readonly aws?: Attributes;
  /** The work failed: `error` by the caller's mistake, `fault` by a fault of the service. */
  readonly error?: true;
  readonly fault?: true;
  readonly cause?: {
    readonly exceptions: readonly { readonly id: string; readonly type: string; readonly message: string }[];
  };
}

/** The trace and the correlation id of the current work. */
interface Scope {
  readonly place: TracePlace;
  readonly correlationId: string | undefined;
}

/** Takes spans when they end. Must not throw or wait. */
export type SegmentSink = (segment: SegmentDocument) => void;

/** The description of a span. */
export interface SpanOptions {
  readonly attributes?: Attributes;
  /** Correlation id of the work and all of its parts. */
  readonly correlationId?: string | undefined;
  /** Details of a call to AWS, as X-Ray defines them. */
  readonly aws?: Attributes;
  /** Whether an error is the caller's mistake and no fault of the service. */
  readonly isCallersError?: (error: unknown) => boolean;
}

/**
 * Makes spans of work. They nest like the calls, across `await`s. The header in a commit links them across the stream.
 * They have X-Ray's format; to send OpenTelemetry's format, replace the sink (docs/adr/0006-traces.md).
 */
export class Tracer {
  readonly #sink: SegmentSink;
  readonly #scopes = new AsyncLocalStorage<Scope | undefined>();

  constructor(sink: SegmentSink) {
    this.#sink = sink;
  }

  /** The header that links later work to the current trace; undefined outside of a trace. */
  get header(): string | undefined {
    const scope = this.#scopes.getStore();
    return scope && traceHeaderOf(scope.place);
  }

  /** The ids for a log line of the current work. */
  get ids(): { readonly traceId?: string; readonly correlationId?: string } {
    const { place, correlationId } = this.#scopes.getStore() ?? {};
    return { ...(place ? { traceId: place.traceId } : {}), ...(correlationId ? { correlationId } : {}) };
  }

  /** Runs work as a part of the current span. Outside of a trace the work runs without a span. */
  part<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
    const scope = this.#scopes.getStore();
    return scope ? this.#span(scope, { name, type: 'subsegment' }, options, work) : work();
  }

  /** Runs the work of a service, linked to the trace of a header. Without a header it starts a trace. */
  service<T>(name: string, header: string | undefined, options: SpanOptions, work: () => Promise<T>): Promise<T> {
    const place = parseTraceHeader(header) ?? newTrace(Date.now());
    return this.#span({ place, correlationId: undefined }, { name }, options, work);
  }

  /**
   * Links the following work to the trace of a header. For hosts that record the service's span, such as Lambda. Each
   * invocation enters a trace, or leaves the previous trace.
   */
  enter(header: string | undefined): void {
    const place = parseTraceHeader(header);
    this.#scopes.enterWith(place && { place, correlationId: undefined });
  }

  async #span<T>(
    { place, correlationId }: Scope,
    kind: Pick<SegmentDocument, 'name' | 'type'>,
    options: SpanOptions,
    work: () => Promise<T>,
  ): Promise<T> {
    const { aws, isCallersError } = options;
    const id = newSegmentId();
    const started = performance.now();
    let outcome: object = {};
    try {
      const scope = { place: { ...place, parentId: id }, correlationId: options.correlationId ?? correlationId };
      return await this.#scopes.run(scope, work);
    } catch (error) {
      outcome = outcomeOf(error, isCallersError?.(error) ?? false);
      throw error;
    } finally {
      if (place.sampled) {
        this.#sink({
          ...kind,
          id,
          trace_id: place.traceId,
          ...(place.parentId === undefined ? {} : { parent_id: place.parentId }),
          start_time: (performance.timeOrigin + started) / 1_000,
          end_time: (performance.timeOrigin + performance.now()) / 1_000,
          ...annotationsOf(options),
          ...(aws ? { namespace: 'aws' as const, aws } : {}),
          ...outcome,
        });
      }
    }
  }
}

function annotationsOf({ attributes, correlationId }: SpanOptions): { annotations?: Attributes } {
  if (!attributes && !correlationId) return {};
  return { annotations: { ...attributes, ...(correlationId ? { correlation_id: correlationId } : {}) } };
}

/** The class of an error without its message, because a message can quote the data of events. */
function outcomeOf(error: unknown, callers: boolean): object {
  const type = error instanceof Error ? error.name : typeof error;
  const cause = { exceptions: [{ id: newSegmentId(), type, message: type }] };
  return callers ? { error: true, cause } : { fault: true, cause };
}
