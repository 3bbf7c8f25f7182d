import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { type Folded, foldCommit } from '../state/fold.ts';
import type { Commit } from '../store/commit.ts';
import type { Failure } from './parked.ts';

/** The fold of {@link foldCommits}. */
export interface CheckedFold<State> {
  readonly catalogue: Catalogue;
  /** The state after an event. */
  evolve(state: State, event: DomainEvent): State;
  /** The state before the first commit of a stream; by default the given state. */
  readonly inherit?: ((folded: Folded<State>, first: Commit) => Promise<Folded<State>>) | undefined;
}

/**
 * Folds commits into a state, from the next event on. It stops at an event that cannot be applied. The result then ends
 * with the last commit before that event, because a view shows an append whole or not at all.
 */
export async function foldCommits<State>(
  { catalogue, evolve, inherit }: CheckedFold<State>,
  start: Folded<State>,
  commits: AsyncIterable<Commit>,
): Promise<Folded<State> & { readonly failure?: Failure }> {
  let whole = start;
  let event: DomainEvent | undefined;
  const onEvent = (next: DomainEvent) => {
    event = next;
  };
  try {
    for await (const commit of commits) {
      const base = inherit && whole.version === 0 ? await inherit(whole, commit) : whole;
      whole = foldCommit({ evolve }, base, commit, { catalogue, onEvent });
      event = undefined;
    }
    return whole;
  } catch (error) {
    return { ...whole, failure: { version: event?.sequenceNumber ?? whole.version + 1, event, error } };
  }
}
