import { jsonSizeOf } from '../base/json-size.ts';
import type { EventPublisher } from '../bus/event-bus.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import type { Commit } from '../store/commit.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { type Metrics, sourceLabel, typeLabel } from './metrics.ts';

/** A consumer of delivered commits. */
export type Processor = 'projector' | 'relay' | 'sagas';

/** A commit that was not processed; see ProjectionFailure and PublicationFailure. */
interface FailedCommit {
  readonly commit: Commit;
}

/** A storage whose writes are timed, and counted by their outcome. */
export function meteredStorage(storage: CommitStorage, metrics: Metrics): CommitStorage {
  return {
    ...(storage.maxBytes === undefined ? {} : { maxBytes: storage.maxBytes }),
    head: (stream) => storage.head(stream),
    find: (stream, commitId) => storage.find(stream, commitId),
    read: (stream, range) => storage.read(stream, range),
    note: (unchanged, expiresAt) => storage.note(unchanged, expiresAt),
    findMark: (id) => storage.findMark(id),
    tagHead: (tag) => storage.tagHead(tag),
    tagged: (tag, after) => storage.tagged(tag, after),
    put: (commit, given) =>
      meteredAppend(
        metrics,
        () => storage.put(commit, given),
        (occupant) => outcomeOf(commit, occupant),
      ),
    transact: (change) =>
      meteredAppend(
        metrics,
        () => storage.transact(change),
        (obstacles) => (obstacles?.mark ? 'repeated' : obstacles ? 'conflict' : 'written'),
      ),
  };
}

/** A transaction counts as a single append, because its commits have one outcome. */
async function meteredAppend<T>(metrics: Metrics, append: () => Promise<T>, outcomeOf: (result: T) => string) {
  const started = performance.now();
  let outcome = 'failed';
  try {
    const result = await append();
    outcome = outcomeOf(result);
    return result;
  } finally {
    metrics.count('appends_total', { outcome });
    metrics.observe('append_duration_seconds', {}, secondsSince(started));
  }
}

function outcomeOf(commit: Commit, occupant: Commit | undefined): string {
  if (!occupant) return 'written';
  return occupant.commitId === commit.commitId ? 'repeated' : 'conflict';
}

/** A publisher whose events are counted by success or failure, and measured by size. */
export function meteredPublisher(
  publisher: EventPublisher,
  metrics: Metrics,
  { countedSources, catalogue }: { readonly countedSources: readonly string[]; readonly catalogue: Catalogue },
): EventPublisher {
  const [sourceOf, typeOf] = [sourceLabel(countedSources), typeLabel(catalogue)];
  const count = ({ type, source }: DomainEvent, status: string) =>
    metrics.count('events_total', { type: typeOf(type), source: sourceOf(source), status });
  return {
    async publish(events) {
      for (const event of events) {
        metrics.observe('event_size_bytes', { type: typeOf(event.type) }, jsonSizeOf(event));
      }
      try {
        const failures = await publisher.publish(events);
        const failed = new Set(failures.map(({ event }) => event.id));
        for (const event of events) count(event, failed.has(event.id) ? 'failure' : 'success');
        return failures;
      } catch (error) {
        for (const event of events) count(event, 'failure');
        throw error;
      }
    },
  };
}

/** Work on delivered commits that measures the time for each event type, and the age of a commit at its end. */
export function meteredDelivery<F extends FailedCommit>(
  processor: Processor,
  work: (commits: readonly Commit[]) => Promise<readonly F[]>,
  { metrics, catalogue }: { readonly metrics: Metrics; readonly catalogue: Catalogue },
): (commits: readonly Commit[]) => Promise<readonly F[]> {
  const typeOf = typeLabel(catalogue);
  return async (commits) => {
    const started = performance.now();
    const failures = await work(commits);
    const failed = new Set<Commit>(failures.map(({ commit }) => commit));
    const seconds = secondsSince(started);
    for (const commit of commits) {
      for (const type of new Set(commit.types.map(typeOf)))
        metrics.observe('event_processing_duration_seconds', { type, processor }, seconds);
      if (failed.has(commit)) continue;
      if (processor === 'relay') countSagas(commit, metrics);
      const age = Math.max(0, (Date.now() - Date.parse(commit.recordedAt)) / 1_000);
      if (processor === 'relay') metrics.observe('log_lag_seconds', {}, age);
      else metrics.observe('projection_lag_seconds', { processor }, age);
    }
    return failures;
  };
}

/** Counts the ends of sagas in a commit. The relay gets each commit once, or again after a failure. */
function countSagas({ types }: Commit, metrics: Metrics): void {
  for (const outcome of ['completed', 'failed', 'parked']) {
    if (types.includes(`saga.${outcome}`)) metrics.count('saga_outcomes_total', { outcome });
  }
}

const secondsSince = (started: number): number => (performance.now() - started) / 1_000;
