/**
 * How many bytes a plain value takes as JSON, without making that text: as a rule exact, but a character that JSON escapes
 * counts as itself. It takes no memory, and a long string takes no longer than to count its bytes.
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
