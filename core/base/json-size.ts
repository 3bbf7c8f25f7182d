/**
 * The bytes of a plain value as JSON, without making the text. Escaped characters count as themselves; otherwise the
 * number is exact. It takes no memory.
 */
export function jsonSizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 2;
  if (typeof value !== 'object' || value === null) return String(value).length;
  if (Array.isArray(value))
    return value.reduce<number>((sum, item) => sum + jsonSizeOf(item) + 1, value.length ? 1 : 2);
  let bytes = 1;
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) bytes += Buffer.byteLength(name) + jsonSizeOf(member) + 4;
  }
  return Math.max(bytes, 2);
}
