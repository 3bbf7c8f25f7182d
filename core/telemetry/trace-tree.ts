import type { SegmentDocument } from './tracer.ts';

/** A span with the spans that it caused. */
export interface Span {
  readonly name: string;
  readonly id: string;
  /** ISO 8601, milliseconds. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** `error`: the caller's mistake; `fault`: a fault of the service. */
  readonly outcome: 'ok' | 'error' | 'fault';
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly children: readonly Span[];
}

/** A request and all work that it caused. */
export interface Trace {
  readonly traceId: string;
  /** From the first start to the last end, milliseconds. Later work counts, too. */
  readonly durationMs: number;
  readonly spans: readonly Span[];
}

/** A trace's spans, each under its parent. A span with an unknown parent stands at the top. */
export function traceTree(traceId: string, segments: readonly SegmentDocument[]): Trace {
  const ids = new Set(segments.map(({ id }) => id));
  const children = Map.groupBy(segments, ({ parent_id }) => (parent_id && ids.has(parent_id) ? parent_id : undefined));
  const under = (id: string | undefined): Span[] =>
    (children.get(id) ?? [])
      .toSorted((a, b) => a.start_time - b.start_time)
      .map((segment) => spanOf(segment, under(segment.id)));
  const start = Math.min(...segments.map(({ start_time }) => start_time));
  const end = Math.max(...segments.map(({ end_time }) => end_time));
  return { traceId, durationMs: milliseconds(end - start), spans: under(undefined) };
}

function spanOf(segment: SegmentDocument, children: readonly Span[]): Span {
  const given = Object.entries({ ...segment.annotations, ...segment.aws });
  return {
    name: segment.name,
    id: segment.id,
    startedAt: new Date(segment.start_time * 1_000).toISOString(),
    durationMs: milliseconds(segment.end_time - segment.start_time),
    outcome: segment.fault ? 'fault' : segment.error ? 'error' : 'ok',
    attributes: Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    children,
  };
}

/** Milliseconds, rounded to the microsecond. */
const milliseconds = (seconds: number): number => Math.round(seconds * 1_000_000) / 1_000;
