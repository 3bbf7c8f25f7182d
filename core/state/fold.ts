import { definitions } from '../../events/catalogue.ts';
import { CorruptDataError } from '../base/errors.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import { type Commit, decodeCommit, endOf } from '../store/commit.ts';

/** How the events of one stream become a state: what deciders and views have in common. */
export interface Fold<State> {
  /** Tells its states from those of other folds over the same stream. */
  readonly name: string;
  readonly aggregateType: string;
  /** Tells its states from those of this fold's earlier forms; see {@link schemaOf}. */
  readonly schema: string;
  readonly initialState: State;
  /** Pure; states are plain values, maps and sets, which snapshots can keep. */
  evolve(state: State, event: DomainEvent): State;
}

/** Any fold, for code that runs them all. */
// biome-ignore lint/suspicious/noExplicitAny: State appears in argument and result positions, so only any fits all
export type AnyFold = Fold<any>;

/** A state and the sequence number of the last event in it, 0 before the first. */
export interface Folded<State> {
  readonly state: State;
  readonly version: number;
}

/** The part of a decider that folds. */
interface Evolving<State> {
  readonly aggregateType: string;
  readonly initialState: State;
  readonly stateVersion?: number | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: which events it takes is the decider's business
  evolve(state: State, event: any): State;
}

// biome-ignore lint/suspicious/noExplicitAny: states of many deciders; each fold is under its own decider
const stateFolds = new WeakMap<Evolving<any>, Fold<any>>();

/** The state that an aggregate decides on. Made once for each decider: every command asks. */
export function stateFold<State>(decider: Evolving<State>): Fold<State> {
  const known: Fold<State> | undefined = stateFolds.get(decider);
  if (known) return known;
  const { aggregateType, initialState, stateVersion } = decider;
  const fold: Fold<State> = {
    name: `state.${aggregateType}`,
    aggregateType,
    schema: schemaOf(aggregateType, stateVersion),
    initialState,
    evolve: (state, event) => decider.evolve(state, event),
  };
  stateFolds.set(decider, fold);
  return fold;
}

/** What a kept state depends on: how it is folded, and in which versions its events were read. */
export function schemaOf(aggregateType: string, stateVersion = 1): string {
  const types = definitions.filter((definition) => definition.aggregateType === aggregateType);
  return [stateVersion, ...types.map(({ type, version }) => `${type}@${version}`)].join(' ');
}

export const start = <State>({ initialState }: Fold<State>): Folded<State> => ({ state: initialState, version: 0 });

export interface FoldLimits {
  /** The last event to fold in; the last of the commit by default. */
  readonly to?: number | undefined;
  /** Called with each event before it is folded in. */
  readonly onEvent?: ((event: DomainEvent) => void) | undefined;
}

/**
 * Folds a commit in; events that are in already are skipped. Whatever folds stored events does it here.
 * @throws CorruptDataError when an event before the commit is missing, and what `evolve` throws
 */
export function foldCommit<State>(
  { evolve }: Pick<Fold<State>, 'evolve'>,
  folded: Folded<State>,
  commit: Commit,
  { to = Number.POSITIVE_INFINITY, onEvent }: FoldLimits = {},
): Folded<State> {
  if (endOf(commit) <= folded.version) return folded;
  if (commit.version > folded.version + 1) {
    throw new CorruptDataError(`stream ${commit.stream} lacks version ${folded.version + 1}`);
  }
  let { state } = folded;
  for (const event of decodeCommit(commit).slice(folded.version + 1 - commit.version, to - commit.version + 1)) {
    onEvent?.(event);
    state = evolve(state, event);
  }
  return { state, version: Math.min(endOf(commit), to) };
}
