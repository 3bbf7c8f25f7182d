import type { LogPage } from '../log/page.ts';
import type { AnyProjection } from '../projections/projection.ts';
import { LIVE_GENERATION } from '../projections/projector.ts';
import type { CommitPlace } from '../store/commit-scan.ts';
import { CommitSums } from './commit-sums.ts';
import { type ComparedCommits, nothingCompared, type Seen } from './commits.ts';
import { CounterSums, type EncodedCounterSums } from './counter-sums.ts';
import { type Findings, noFindings, type VerifiedExtent } from './difference.ts';
import type { ListedViews } from './views.ts';

/** The phases: the chain of the log, the streams with their views, views without streams, sums, single commits. */
export type Phase = 'log' | 'streams' | 'orphans' | 'sums' | 'commits' | 'done';

/** The next page in a partition of the log. */
export interface ChainPlace {
  /** Number of the next page. */
  page: number;
  /** Number of its first event; undefined after a missing page. */
  event: number | undefined;
  /** The totals in the header of the previous page; undefined after a missing or wrong page. */
  before?: Pick<LogPage, 'through' | 'latenessMs'> | undefined;
}

/** The comparison of a shared projection's sums. */
interface LookedSums<Sums = CounterSums> {
  /** The digest of the views before the streams were read. */
  readonly before: string;
  /** The sums of the streams. */
  readonly made: Sums;
  /** The shares whose counters must be compared one by one; absent while no difference is known. */
  readonly again?: readonly number[];
}

/** The state of a running verification. */
export interface VerificationState {
  phase: Phase;
  readonly startedAt: string;
  readonly extent: VerifiedExtent;
  readonly findings: Findings;
  /** The next page of each partition of the log. */
  readonly chains: Record<string, ChainPlace>;
  readonly logged: CommitSums;
  readonly stored: CommitSums;
  /** The last commit of the last stream that was compared. */
  after: CommitPlace | undefined;
  readonly generations: Record<string, number>;
  /** The open comparisons, by shared projection. */
  readonly sums: Record<string, LookedSums>;
  /** How often the streams were read for the sums. */
  looks: number;
  readonly orphans: ListedViews;
  readonly compared: ComparedCommits;
}

/** The state of a verification that begins. */
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

/** The generation of a projection that was live when the verification began. */
export const generationOf = ({ generations }: VerificationState, { name }: AnyProjection): number =>
  generations[name] ?? LIVE_GENERATION;

type Encoded = Omit<VerificationState, 'logged' | 'stored' | 'sums' | 'compared'> & {
  readonly form: typeof FORM;
  readonly logged: string;
  readonly stored: string;
  readonly sums: Record<string, LookedSums<EncodedCounterSums>>;
  readonly compared: Omit<ComparedCommits, 'seen'> & { readonly seen: readonly [string, Seen][] };
};

/** The version of the cursor's format. A cursor of another version is not read; its run begins again. */
const FORM = 2;

/** A cursor: the state as text, from which another process continues. */
export function encodeState(state: VerificationState): string {
  const sums = Object.entries(state.sums).map(([name, own]) => [name, { ...own, made: own.made.encode() }]);
  const { logged, stored, compared } = state;
  return JSON.stringify({
    ...state,
    ...{ form: FORM, logged: logged.encode(), stored: stored.encode(), sums: Object.fromEntries(sums) },
    compared: { ...compared, seen: [...compared.seen] },
  });
}

/**
 * The state of a cursor.
 * @param cursor the text of {@link encodeState}; it is trusted and not validated
 * @returns undefined for a cursor of another version
 */
export function decodeState(cursor: string): VerificationState | undefined {
  const { form, logged, stored, sums, after, compared, ...rest } = JSON.parse(cursor) as Encoded;
  if (form !== FORM) return undefined;
  const decoded = Object.entries(sums).map(([name, own]) => [name, { ...own, made: CounterSums.decode(own.made) }]);
  return {
    ...rest,
    after,
    compared: { ...nothingCompared(), ...compared, seen: new Map(compared.seen) },
    ...{ logged: new CommitSums(logged), stored: new CommitSums(stored), sums: Object.fromEntries(decoded) },
  };
}
