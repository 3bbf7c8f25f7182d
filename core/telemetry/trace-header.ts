import { randomUUID } from 'node:crypto';

/** A place in a trace: what came before, to hang what follows on. */
export interface TracePlace {
  /** `1-<8 hex digits: seconds since 1970>-<24 hex digits>` */
  readonly traceId: string;
  /** Id of the segment, 16 hex digits; absent when nothing came before. */
  readonly parentId?: string;
  /** False for a trace that is not recorded; its header is passed on all the same. */
  readonly sampled: boolean;
}

const HEADER = /^Root=(1-[\da-f]{8}-[\da-f]{24})(?:;Parent=([\da-f]{16}))?(?:;Sampled=([01?]))?(?:;[\w:=;.-]*)?$/;

/** Reads a trace header (`Root=...;Parent=...;Sampled=1`, as AWS X-Ray defines it); undefined when it is none. */
export function parseTraceHeader(header: string | undefined): TracePlace | undefined {
  const [, traceId, parentId, sampled] = HEADER.exec(header ?? '') ?? [];
  if (traceId === undefined) return undefined;
  return { traceId, ...(parentId === undefined ? {} : { parentId }), sampled: sampled !== '0' };
}

export function traceHeaderOf({ traceId, parentId, sampled }: TracePlace): string {
  return `Root=${traceId}${parentId ? `;Parent=${parentId}` : ''};Sampled=${sampled ? 1 : 0}`;
}

/** The place before the first segment of a new trace. */
export function newTrace(now: number): TracePlace {
  const seconds = Math.floor(now / 1_000).toString(16);
  return { traceId: `1-${seconds.padStart(8, '0')}-${randomHex(24)}`, sampled: true };
}

export const newSegmentId = (): string => randomHex(16);

/** Of a UUID, because Node keeps random numbers ready for those: ten times as fast as asking for bytes. */
const randomHex = (digits: number): string => randomUUID().replaceAll('-', '').slice(-digits);
