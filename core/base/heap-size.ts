/** Values measured in a collection; in a larger collection a sample of as many represents all. */
const SAMPLE = 64;
/** Most nesting to follow; accepted JSON is not deeper. */
const MAX_DEPTH = 40;

/**
 * About how many bytes of memory a plain value takes: strings two bytes a character, 16 bytes a number or member, 64 an
 * object. An estimate: in collections of over 64 values, 64 represent all, and a shared value counts each time. So it
 * takes microseconds, also for a large state.
 */
export function heapSizeOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return 24 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Uint8Array) return 96 + value.length;
  if (depth === MAX_DEPTH) return 64;
  const size = (member: unknown) => heapSizeOf(member, depth + 1);
  if (Array.isArray(value)) return 64 + sampled(value, value.length, size);
  if (value instanceof Map)
    return 64 + sampled(value.entries(), value.size, ([key, member]) => 32 + size(key) + size(member));
  if (value instanceof Set) return 64 + sampled(value.values(), value.size, (member) => 16 + size(member));
  const members = Object.entries(value);
  return 64 + sampled(members, members.length, ([, member]) => 16 + size(member));
}

/** The first 64 of them; of an array, 64 from all over it. */
function sampled<T>(values: Iterable<T>, count: number, sizeOf: (value: T) => number): number {
  if (count === 0) return 0;
  const every = Math.max(1, Math.floor(count / SAMPLE));
  const looked = Array.isArray(values) ? strided<T>(values, every) : values;
  let measured = 0;
  let bytes = 0;
  for (const value of looked) {
    bytes += sizeOf(value);
    measured += 1;
    if (measured === SAMPLE) break;
  }
  return measured === 0 ? 0 : Math.round((bytes / measured) * count);
}

function* strided<T>(values: readonly T[], every: number): Generator<T> {
  for (let index = 0; index < values.length; index += every) yield values[index] as T;
}
