import { AsyncLocalStorage } from 'node:async_hooks';
import { newSegmentId, newTrace, parseTraceHeader, type TracePlace, traceHeaderOf } from './trace-header.ts';

/** What is known of a span besides its time. Values are ids and names: never a payload. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A span as AWS X-Ray takes it, whoever collects it.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
 */
export interface SegmentDocument {
  readonly name: string;
  readonly id: string;
  readonly trace_id: string;
  readonly parent_id?: string;
  /** Absent on the work of a service of its own. */
  readonly type?: 'subsegment';
  /** Seconds since 1970, with fractions. */
  readonly start_time: number;
  readonly end_time: number;
  readonly annotations?: Attributes;
  /** `aws` on a call to a service of AWS. */
  readonly namespace?: 'aws';
  readonly aws?: Attributes;
  /** The work failed, and by whose doing: `error` the caller's, `fault` ours. */
  readonly error?: true;
  readonly fault?: true;
  readonly cause?: {
    readonly exceptions: readonly { readonly id: string; readonly type: string; readonly message: string }[];
  };
}

/** What the work in hand belongs to. */
interface Scope {
  readonly place: TracePlace;
  readonly correlationId: string | undefined;
}

/** Where spans go when they end. Must not throw or wait. */
export type SegmentSink = (segment: SegmentDocument) => void;

export interface SpanOptions {
  readonly attributes?: Attributes;
  /** Id of the conversation that the work, and all of its parts, belong to. */
  readonly correlationId?: string | undefined;
  /** A call to AWS, with what X-Ray wants to know of it. */
  readonly aws?: Attributes;
  /** True for errors that are the caller's doing and no fault of ours. */
  readonly isCallersError?: (error: unknown) => boolean;
}

/**
 * Spans of work, nested as the calls are, across `await`s, and linked across the stream by the header that a commit keeps.
 * The form is X-Ray's; to send OpenTelemetry's instead, replace the sink (docs/adr/0006-traces.md).
 */
export class Tracer {
  readonly #sink: SegmentSink;
  readonly #scopes = new AsyncLocalStorage<Scope | undefined>();

  constructor(sink: SegmentSink) {
    this.#sink = sink;
  }

  /** The header that links what is caused from here to this trace; undefined outside of any. */
  get header(): string | undefined {
    const scope = this.#scopes.getStore();
    return scope && traceHeaderOf(scope.place);
  }

  /** The ids that a log line of the work in hand carries. */
  get ids(): { readonly traceId?: string; readonly correlationId?: string } {
    const { place, correlationId } = this.#scopes.getStore() ?? {};
    return { ...(place ? { traceId: place.traceId } : {}), ...(correlationId ? { correlationId } : {}) };
  }

  /** A part of the work in hand; outside of any trace the work runs untraced. */
  part<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
    const scope = this.#scopes.getStore();
    return scope ? this.#span(scope, { name, type: 'subsegment' }, options, work) : work();
  }

  /** The work of a service, caused by what has this header; without one it starts a trace. */
  service<T>(name: string, header: string | undefined, options: SpanOptions, work: () => Promise<T>): Promise<T> {
    const place = parseTraceHeader(header) ?? newTrace(Date.now());
    return this.#span({ place, correlationId: undefined }, { name }, options, work);
  }

  /**
   * Work from here on is on behalf of what has this header, where somebody else records the service's span, as Lambda does.
   * Each invocation enters a trace, or leaves the one before.
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

/** The class of an error and not its message, which can quote the data of events. */
function outcomeOf(error: unknown, callers: boolean): object {
  const type = error instanceof Error ? error.name : typeof error;
  const cause = { exceptions: [{ id: newSegmentId(), type, message: type }] };
  return callers ? { error: true, cause } : { fault: true, cause };
}
