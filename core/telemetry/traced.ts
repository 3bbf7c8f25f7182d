import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { parseTraceHeader } from './trace-header.ts';
import type { Tracer } from './tracer.ts';

/** A storage whose calls are parts of the current trace, for adapters without traced calls. */
export function tracedStorage(storage: CommitStorage, tracer: Tracer): CommitStorage {
  const part = <T>(name: string, stream: string, work: () => Promise<T>) =>
    tracer.part(`storage.${name}`, { attributes: { stream } }, work);
  return {
    ...(storage.maxBytes === undefined ? {} : { maxBytes: storage.maxBytes }),
    put: (commit, given) => part('put', commit.stream, () => storage.put(commit, given)),
    note: (unchanged, expiresAt) => part('note', unchanged.stream, () => storage.note(unchanged, expiresAt)),
    head: (stream) => part('head', stream, () => storage.head(stream)),
    find: (stream, commitId) => part('find', stream, () => storage.find(stream, commitId)),
    transact: (change) => {
      const streams = change.puts.map(({ commit }) => commit.stream).join(' ');
      return part('transact', streams, () => storage.transact(change));
    },
    findMark: (id) => tracer.part('storage.findMark', {}, () => storage.findMark(id)),
    tagHead: (tag) => tracer.part('storage.tagHead', { attributes: { tag } }, () => storage.tagHead(tag)),
    tagged: (tag, after) => storage.tagged(tag, after),
    read: (stream, range) => storage.read(stream, range), // lazy: the time would be the time of the caller
  };
}

/**
 * Work on delivered commits, as a span in the trace of each commit. So the work that a request caused is linked to the
 * request, however late it runs. The calls of the work are parts of the first commit's span.
 */
export function tracedDelivery<F extends { readonly commit: Commit; readonly error: unknown }>(
  processor: string,
  work: (commits: readonly Commit[]) => Promise<readonly F[]>,
  { tracer, catalogue }: { readonly tracer: Tracer; readonly catalogue: Catalogue },
): (commits: readonly Commit[]) => Promise<readonly F[]> {
  return async (commits) => {
    let running: Promise<readonly F[]> | undefined;
    const run = () => {
      running ??= work(commits);
      return running;
    };
    const spans = commits
      .filter(({ trace }) => trace !== undefined)
      .map((commit) =>
        tracer.service(`annals-${processor}`, commit.trace, commitSpan(processor, commit, catalogue), async () => {
          const failure = (await run()).find((failed) => failed.commit === commit);
          if (failure) throw failure.error;
        }),
      );
    await Promise.allSettled(spans); // their errors are errors of the work, which is returned
    return run();
  };
}

/** A subscriber's handling of an event, as a span in the event's trace; after the specification's `EventTracer`. */
export function traceHandling(tracer: Tracer): (event: DomainEvent, handle: () => Promise<void>) => Promise<void> {
  return (event, handle) => {
    const options = { attributes: attributesOf('subscriber', event), correlationId: event.correlationId };
    return tracer.service(`event.process.${event.type}`, traceOf(event), options, handle);
  };
}

/** The trace header of an event's append; undefined when it has none. */
export function traceOf(event: DomainEvent): string | undefined {
  const { trace } = event.metadata;
  return typeof trace === 'string' && parseTraceHeader(trace) ? trace : undefined;
}

function commitSpan(processor: string, commit: Commit, catalogue: Catalogue) {
  const { stream, version, count } = commit;
  const event = firstEvent(commit, catalogue);
  const attributes = { stream, version, count, ...(event ? attributesOf(processor, event) : {}) };
  return { attributes, correlationId: event?.correlationId };
}

/** The attributes of every span by the specification, with names that X-Ray accepts. */
function attributesOf(processor: string, event: DomainEvent) {
  return {
    processor_name: processor,
    event_id: event.id,
    event_type: event.type,
    event_source: event.source,
    event_timestamp: event.timestamp,
  };
}

function firstEvent(commit: Commit, catalogue: Catalogue): DomainEvent | undefined {
  try {
    return decodeCommit(commit, catalogue)[0];
  } catch {
    return undefined; // the work on the commit reports the error
  }
}
