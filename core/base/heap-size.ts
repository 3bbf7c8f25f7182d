/** Values that are looked at one by one; of larger collections a sample of as many stands for the rest. */
const SAMPLE = 64;
/** Nesting that is followed; JSON that the store takes is not deeper. */
const MAX_DEPTH = 40;

/**
 * About how many bytes of memory a plain value takes: strings two bytes a character, 16 bytes a number or member, 64 an
 * object. An estimate: of arrays, maps and sets of over 64 values, 64 are measured and stand for all; a value that is there
 * twice counts twice. So it takes microseconds, also for a large state.
 */
export function heapSizeOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return 24 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Uint8Array) return 96 + value.length;
  if (depth === MAX_DEPTH) return 64;
  const size = (member: unknown) => heapSizeOf(member, depth + 1);
  if (Array.isArray(value)) return 64 + sampled(value, value.length, size);
  if (value instanceof Map) return 64 + sampled(value, value.size, ([key, member]) => 32 + size(key) + size(member));
  if (value instanceof Set) return 64 + sampled(value, value.size, (member) => 16 + size(member));
  const members = Object.entries(value);
  return 64 + sampled(members, members.length, ([, member]) => 16 + size(member));
}

function sampled<T>(values: Iterable<T>, count: number, sizeOf: (value: T) => number): number {
  const every = Math.max(1, Math.ceil(count / SAMPLE));
  let index = 0;
  let measured = 0;
  let bytes = 0;
  for (const value of values) {
    if (index++ % every !== 0) continue;
    bytes += sizeOf(value);
    measured += 1;
  }
  return measured === 0 ? 0 : Math.round((bytes / measured) * count);
}
