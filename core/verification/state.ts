import type { LogPage } from '../log/page.ts';
import { type Increments, Tally } from '../projections/shared-projection.ts';
import type { CommitPlace } from '../store/commit-scan.ts';
import { CommitSums } from './commit-sums.ts';
import { type ComparedCommits, nothingCompared, type Seen } from './commits.ts';
import { type Findings, noFindings, type VerifiedExtent } from './difference.ts';
import type { ListedViews } from './views.ts';

/** What is looked at: the chain of the log, the streams with their views, views without streams, sums, single commits. */
export type Phase = 'log' | 'streams' | 'orphans' | 'sums' | 'commits' | 'done';

/** What comes next in a partition of the log. */
export interface ChainPlace {
  /** Number of the next page. */
  page: number;
  /** Number of its first event; undefined behind a page that is not there. */
  event: number | undefined;
  /** What the page before says of all pages up to it; undefined behind one that is not there or is wrong. */
  before?: Pick<LogPage, 'through' | 'latenessMs'> | undefined;
}

/** All that a verification knows on its way. */
export interface VerificationState {
  phase: Phase;
  readonly startedAt: string;
  readonly extent: VerifiedExtent;
  readonly findings: Findings;
  /** How far each partition of the log was read. */
  readonly chains: Record<string, ChainPlace>;
  readonly logged: CommitSums;
  readonly stored: CommitSums;
  /** The last commit of the last stream that was compared. */
  after: CommitPlace | undefined;
  readonly generations: Record<string, number>;
  /** Of each shared projection: its sums before the look at the streams, and what the streams add up to. */
  readonly sums: Record<string, { readonly before: string; readonly tally: Tally }>;
  /** How often the streams were looked at for the sums. */
  looks: number;
  readonly orphans: ListedViews;
  readonly compared: ComparedCommits;
}

export const newState = (startedAt: Date): VerificationState => ({
  phase: 'log',
  startedAt: startedAt.toISOString(),
  extent: { pages: 0, streams: 0, commits: 0, events: 0, views: 0 },
  findings: noFindings(),
  chains: {},
  logged: new CommitSums(),
  stored: new CommitSums(),
  after: undefined,
  generations: {},
  sums: {},
  looks: 0,
  orphans: {},
  compared: nothingCompared(),
});

type Encoded = Omit<VerificationState, 'logged' | 'stored' | 'sums' | 'orphans' | 'compared'> & {
  readonly logged: string;
  readonly stored: string;
  readonly sums: Record<string, { before: string; tally: [string, [string, string][]][] }>;
  // A run that an earlier version began has neither, and begins these phases anew.
  readonly orphans?: ListedViews;
  readonly compared?: Omit<ComparedCommits, 'seen' | 'after'> & {
    readonly seen: readonly [string, Seen][];
    readonly after?: CommitPlace;
  };
};

/** A cursor: the state as text, from which another process goes on. */
export function encodeState(state: VerificationState): string {
  const sums = Object.entries(state.sums).map(([name, { before, tally }]) => [
    name,
    { before, tally: [...tally.increments()].map(([key, own]) => [key, [...own].map(([path, n]) => [path, `${n}`])]) },
  ]);
  const { logged, stored, compared } = state;
  return JSON.stringify({
    ...state,
    ...{ logged: logged.encode(), stored: stored.encode(), sums: Object.fromEntries(sums) },
    compared: { ...compared, seen: [...compared.seen] },
  });
}

/** @param cursor what {@link encodeState} made; it comes from nobody else */
export function decodeState(cursor: string): VerificationState {
  const { logged, stored, sums, after, orphans = {}, compared, ...rest } = JSON.parse(cursor) as Encoded;
  const tallies = Object.entries(sums).map(([name, { before, tally }]) => {
    const increments: Increments = new Map(
      tally.map(([key, own]) => [key, new Map(own.map(([path, n]) => [path, BigInt(n)]))]),
    );
    const restored = new Tally();
    restored.merge(increments);
    return [name, { before, tally: restored }];
  });
  return {
    ...rest,
    ...{ after, orphans },
    compared: { ...nothingCompared(), ...compared, seen: new Map(compared?.seen) },
    ...{ logged: new CommitSums(logged), stored: new CommitSums(stored), sums: Object.fromEntries(tallies) },
  };
}
