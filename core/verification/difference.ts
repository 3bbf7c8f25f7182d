/**
 * `missing`: it should be there. `lost`: the log has a commit that the store has not. `gap`: versions of a stream are not
 * there. `twice`: a commit is in the log more than once. `differs`: it is not what it should be. `behind`: a view lacks old
 * events, and is not parked. `ahead`: a view has events that its stream has not. `orphan`: a view has no stream.
 * `unreadable`: it cannot be read. `moving`: it changed with every look, so that nothing can be said.
 */
export type DifferenceKind =
  | 'missing'
  | 'lost'
  | 'gap'
  | 'twice'
  | 'differs'
  | 'behind'
  | 'ahead'
  | 'orphan'
  | 'unreadable'
  | 'moving';

/** A place where store, log and views do not agree. */
export interface Difference {
  readonly part: 'store' | 'log' | 'views';
  /** Such as `invoice-7 version 3`, `partition all, page 12` or `invoice-status/7`. */
  readonly place: string;
  readonly kind: DifferenceKind;
  readonly detail: string;
}

/** Differences that are named; of more than that, only the number is kept. */
const MAX_NAMED = 100;

/** The differences found, so that they take little memory however many there are. */
export interface Findings {
  readonly named: Difference[];
  readonly counts: { [part in Difference['part']]?: number };
  total: number;
}

export const noFindings = (): Findings => ({ named: [], counts: {}, total: 0 });

export function note(findings: Findings, differences: readonly Difference[]): void {
  for (const difference of differences) {
    findings.total += 1;
    findings.counts[difference.part] = (findings.counts[difference.part] ?? 0) + 1;
    if (findings.named.length < MAX_NAMED) findings.named.push(difference);
  }
}

/** How much was looked at. */
export interface VerifiedExtent {
  pages: number;
  streams: number;
  commits: number;
  events: number;
  views: number;
}

/** The outcome in one line. */
export function verdictOf(extent: VerifiedExtent, { total, counts }: Findings): string {
  const number = (count: number) => count.toLocaleString('en');
  const seen = (['streams', 'commits', 'events', 'pages', 'views'] as const)
    .map((name) => `${number(extent[name])} ${name === 'pages' ? 'log pages' : name}`)
    .join(', ');
  if (total === 0) return `verified: ${seen}; no differences`;
  const parts = Object.entries(counts).map(([part, count]) => `${number(count)} in the ${part}`);
  return `NOT as it should be: ${seen}; ${number(total)} ${total === 1 ? 'difference' : 'differences'}, ${parts.join(', ')}`;
}
