import type { DomainEvent } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import { type Commit, decodeCommit } from './commit.ts';
import { CorruptDataError } from './errors.ts';
import type { Failure } from './parked.ts';
import { type AnyProjection, evolveView } from './projection.ts';

/** A view and the number of the last event in it. */
export interface Folded {
  readonly view: JsonObject | undefined;
  readonly version: number;
}

/** How far a fold came, and what stopped it if something did. */
export interface Progress extends Folded {
  readonly failure?: Failure;
}

/**
 * Folds commits into a view, from the event after it on. Stops where an event cannot be taken: the fold then ends with
 * the last commit before it, since an append is whole or not there in views, too.
 * @param check called with the view after each commit; what it throws counts against that commit's last event
 */
export async function foldCommits(
  projection: AnyProjection,
  { view, version }: Folded,
  commits: AsyncIterable<Commit>,
  check: (folded: Folded) => void = () => {},
): Promise<Progress> {
  let whole: Folded = { view, version };
  let event: DomainEvent | undefined;
  let next = version + 1;
  try {
    for await (const commit of commits) {
      let folded = whole.view;
      for (const decoded of decodeCommit(commit)) {
        if (decoded.sequenceNumber < next) continue;
        if (decoded.sequenceNumber > next) throw new CorruptDataError(`stream ${commit.stream} lacks version ${next}`);
        event = decoded;
        folded = evolveView(projection, folded, event);
        next += 1;
      }
      check({ view: folded, version: next - 1 });
      whole = { view: folded, version: next - 1 };
      event = undefined;
    }
    return whole;
  } catch (error) {
    return { ...whole, failure: { version: event?.sequenceNumber ?? next, event, error } };
  }
}
