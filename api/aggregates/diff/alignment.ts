import { diffArrays } from 'diff';

/** Two lists side by side. */
export interface Alignment {
  /** The places of equal entries in the left and the right list, ascending on both sides. */
  readonly pairs: readonly (readonly [number, number])[];
  /** False when the lists differ too much: then only their common start and end are paired. */
  readonly aligned: boolean;
}

/**
 * Most entries that are added or removed, of those that occur in both lists. The search takes a turn of a millisecond
 * for each.
 */
const MAX_EDITS = 1_000;

/**
 * A longest common subsequence of two lists, found in short turns of the event loop. An entry that only one list has
 * cannot be in it, so the search leaves such entries out first.
 */
export async function align(left: readonly number[], right: readonly number[]): Promise<Alignment> {
  const [own, other] = [sharedWith(right, left), sharedWith(left, right)];
  const changes = await changesBetween(
    own.map(({ entry }) => entry),
    other.map(({ entry }) => entry),
  );
  if (!changes) return { pairs: commonEdges(left, right), aligned: false };
  const pairs: [number, number][] = [];
  let [from, to] = [0, 0];
  for (const { added, removed, count } of changes) {
    for (let n = 0; n < count && !added && !removed; n += 1) {
      pairs.push([own[from + n]?.place ?? 0, other[to + n]?.place ?? 0]);
    }
    if (!added) from += count;
    if (!removed) to += count;
  }
  return { pairs, aligned: true };
}

/** @returns undefined when the lists differ in more than {@link MAX_EDITS} entries */
const changesBetween = (left: number[], right: number[]) =>
  new Promise<ReturnType<typeof diffArrays<number>> | undefined>((resolve) => {
    diffArrays(left, right, { maxEditLength: MAX_EDITS, callback: resolve });
  });

/** The entries of a list that another list has, too. */
function sharedWith(others: readonly number[], list: readonly number[]) {
  const known = new Set(others);
  return list.flatMap((entry, place) => (known.has(entry) ? [{ entry, place }] : []));
}

function commonEdges(left: readonly number[], right: readonly number[]): [number, number][] {
  const shorter = Math.min(left.length, right.length);
  let start = 0;
  while (start < shorter && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < shorter - start && left.at(-1 - end) === right.at(-1 - end)) end += 1;
  const first = Array.from({ length: start }, (_, n): [number, number] => [n, n]);
  const last = Array.from({ length: end }, (_, n): [number, number] => [left.length - end + n, right.length - end + n]);
  return [...first, ...last];
}
