import type { DomainEvent } from '../../events/catalogue.ts';
import { CorruptDataError } from '../base/errors.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { Failure } from './parked.ts';

/** What was made of a stream, and the number of the last event in it. */
export interface FoldedCommits<State> {
  readonly state: State;
  readonly version: number;
}

export interface CheckedFold<State> {
  /** The state after an event. */
  evolve(state: State, event: DomainEvent): State;
  /** Called with the state after each commit; what it throws counts against that commit's last event. */
  check?(folded: FoldedCommits<State>): void;
}

/**
 * Folds commits into a state, from the event after it on. Stops where an event cannot be taken: the fold then ends with
 * the last commit before it, since an append is whole or not there in views, too.
 */
export async function foldCommits<State>(
  { evolve, check }: CheckedFold<State>,
  start: FoldedCommits<State>,
  commits: AsyncIterable<Commit>,
): Promise<FoldedCommits<State> & { readonly failure?: Failure }> {
  let whole = start;
  let event: DomainEvent | undefined;
  let next = start.version + 1;
  try {
    for await (const commit of commits) {
      let { state } = whole;
      for (const decoded of decodeCommit(commit)) {
        if (decoded.sequenceNumber < next) continue;
        if (decoded.sequenceNumber > next) throw new CorruptDataError(`stream ${commit.stream} lacks version ${next}`);
        event = decoded;
        state = evolve(state, event);
        next += 1;
      }
      const folded = { state, version: next - 1 };
      check?.(folded);
      whole = folded;
      event = undefined;
    }
    return whole;
  } catch (error) {
    return { ...whole, failure: { version: event?.sequenceNumber ?? next, event, error } };
  }
}
