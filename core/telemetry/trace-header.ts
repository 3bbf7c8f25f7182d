import { randomUUID } from 'node:crypto';

/** A place in a trace, to which later segments are linked. */
export interface TracePlace {
  /** `1-<8 hex digits: seconds since 1970>-<24 hex digits>` */
  readonly traceId: string;
  /** Id of the parent segment, 16 hex digits; absent at the beginning of a trace. */
  readonly parentId?: string;
  /** False for a trace that is not recorded. Its header is still passed on. */
  readonly sampled: boolean;
}

const HEADER = /^Root=(1-[\da-f]{8}-[\da-f]{24})(?:;Parent=([\da-f]{16}))?(?:;Sampled=([01?]))?(?:;[\w:=;.-]*)?$/;

/** Parses a trace header (`Root=...;Parent=...;Sampled=1`, as AWS X-Ray defines it); undefined for any other text. */
export function parseTraceHeader(header: string | undefined): TracePlace | undefined {
  const [, traceId, parentId, sampled] = HEADER.exec(header ?? '') ?? [];
  if (traceId === undefined) return undefined;
  return { traceId, ...(parentId === undefined ? {} : { parentId }), sampled: sampled !== '0' };
}

/** The trace header of a place. */
export function traceHeaderOf({ traceId, parentId, sampled }: TracePlace): string {
  return `Root=${traceId}${parentId ? `;Parent=${parentId}` : ''};Sampled=${sampled ? 1 : 0}`;
}

/** The place before the first segment of a new trace. */
export function newTrace(now: number): TracePlace {
  const seconds = Math.floor(now / 1_000).toString(16);
  return { traceId: `1-${seconds.padStart(8, '0')}-${randomHex(24)}`, sampled: true };
}

/** A random segment id: 16 hex digits. */
export const newSegmentId = (): string => randomHex(16);

/** Digits of a UUID, because Node keeps random numbers ready for UUIDs: ten times as fast as `randomBytes`. */
const randomHex = (digits: number): string => randomUUID().replaceAll('-', '').slice(-digits);
