/**
 * `missing`: the log lacks a commit or pages. `lost`: the store lacks a commit of the log. `gap`: a stream lacks
 * versions. `twice`: a commit is in the log more than once. `differs`: the content is wrong. `behind`: a view lacks old
 * events and is not parked. `ahead`: a view has events that its stream lacks. `orphan`: a view has no stream.
 * `unreadable`: the data cannot be read. `moving`: a shared view changed during every comparison, so there is no
 * result.
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

/** A place where store, log and views differ. */
export interface Difference {
  readonly part: 'store' | 'log' | 'views';
  /** Such as `invoice-7 version 3`, `partition all, page 12` or `invoice-status/7`. */
  readonly place: string;
  readonly kind: DifferenceKind;
  readonly detail: string;
}

/** Most differences that are listed. Further differences are only counted. */
const MAX_NAMED = 100;

/** The found differences: the first of them, and the number of all by part. They take little memory. */
export interface Findings {
  readonly named: Difference[];
  readonly counts: { [part in Difference['part']]?: number };
  total: number;
}

/** Findings without differences. */
export const noFindings = (): Findings => ({ named: [], counts: {}, total: 0 });

/** Adds differences to findings. */
export function note(findings: Findings, differences: readonly Difference[]): void {
  for (const difference of differences) {
    findings.total += 1;
    findings.counts[difference.part] = (findings.counts[difference.part] ?? 0) + 1;
    if (findings.named.length < MAX_NAMED) findings.named.push(difference);
  }
}

/** The numbers of compared items. */
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
  return `DIFFERENCES FOUND: ${seen}; ${number(total)} ${total === 1 ? 'difference' : 'differences'}, ${parts.join(', ')}`;
}
