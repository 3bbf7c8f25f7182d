import { CorruptDataError } from '../base/errors.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { type Commit, decodeCommit, endOf } from '../store/commit.ts';

/** The fold of the events of one stream to a state, for deciders and views. */
export interface Fold<State> {
  /** Distinguishes its states from those of other folds over the same stream. */
  readonly name: string;
  readonly aggregateType: string;
  /** Raised with each change of `evolve` that makes other states. Default 1. */
  readonly stateVersion?: number | undefined;
  readonly initialState: State;
  /** Pure. States are plain values, maps and sets, so that snapshots can keep them. */
  evolve(state: State, event: DomainEvent): State;
}

/** Any fold, for code that runs all folds. */
// biome-ignore lint/suspicious/noExplicitAny: State appears in argument and result positions, so only any fits all
export type AnyFold = Fold<any>;

/** A state and the sequence number of the last event in it, 0 before the first. */
export interface Folded<State> {
  readonly state: State;
  readonly version: StreamVersion;
}

/** The folding part of a decider. */
interface Evolving<State> {
  readonly aggregateType: string;
  readonly initialState: State;
  readonly stateVersion?: number | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: which events it takes is the decider's business
  evolve(state: State, event: any): State;
}

// biome-ignore lint/suspicious/noExplicitAny: states of many deciders; each fold is under its own decider
const stateFolds = new WeakMap<Evolving<any>, Fold<any>>();

/** The fold of an aggregate's state, made once for each decider. */
export function stateFold<State>(decider: Evolving<State>): Fold<State> {
  const known: Fold<State> | undefined = stateFolds.get(decider);
  if (known) return known;
  const { aggregateType, initialState, stateVersion } = decider;
  const fold: Fold<State> = {
    name: `state.${aggregateType}`,
    aggregateType,
    stateVersion,
    initialState,
    evolve: (state, event) => decider.evolve(state, event),
  };
  stateFolds.set(decider, fold);
  return fold;
}

/** Distinguishes kept states of a fold from those of earlier forms of the fold, or of its event types. */
export function schemaOf(
  { aggregateType, stateVersion = 1 }: Pick<AnyFold, 'aggregateType' | 'stateVersion'>,
  { definitions }: Pick<Catalogue, 'definitions'>,
): string {
  const types = definitions.filter((definition) => definition.aggregateType === aggregateType);
  return [stateVersion, ...types.map(({ type, version }) => `${type}@${version}`)].join(' ');
}

export const start = <State>({ initialState }: Fold<State>): Folded<State> => ({ state: initialState, version: 0 });

export interface FoldOptions {
  readonly catalogue: Catalogue;
  /** The last event to fold in; the last of the commit by default. */
  readonly to?: number | undefined;
  /** Called with each event before it is folded in. */
  readonly onEvent?: ((event: DomainEvent) => void) | undefined;
}

/**
 * Folds a commit into a state, and skips events that the state has. Every fold of stored events runs here.
 * @throws CorruptDataError when an event before the commit is missing, and what `evolve` throws
 */
export function foldCommit<State>(
  { evolve }: Pick<Fold<State>, 'evolve'>,
  folded: Folded<State>,
  commit: Commit,
  { catalogue, to = Number.POSITIVE_INFINITY, onEvent }: FoldOptions,
): Folded<State> {
  if (endOf(commit) <= folded.version) return folded;
  if (commit.version > folded.version + 1) {
    throw new CorruptDataError(`stream ${commit.stream} lacks version ${folded.version + 1}`);
  }
  let { state } = folded;
  const events = decodeCommit(commit, catalogue);
  for (const event of events.slice(folded.version + 1 - commit.version, to - commit.version + 1)) {
    onEvent?.(event);
    state = evolve(state, event);
  }
  return { state, version: Math.min(endOf(commit), to) };
}
