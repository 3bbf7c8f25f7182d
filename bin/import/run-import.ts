import pLimit from 'p-limit';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { InputError } from './input.ts';

/** One request of an import: safe to send again, because its idempotency key follows from its content. */
export interface ImportRequest {
  /** How many events it leads to. */
  readonly events: number;
  send(client: AnnalsClient): Promise<{ readonly repeated: boolean }>;
}

/** What goes into one stream, in this order. */
export interface StreamImport {
  readonly streamId: string;
  /** What is to be sent; where that depends on what the server has, it is asked first. */
  readonly requests: readonly ImportRequest[] | ((client: AnnalsClient) => Promise<readonly ImportRequest[]>);
}

/** Something that becomes one stream: a recorded run, a case of a log. */
export interface ImportSource {
  /** What to call it when something is wrong: the file, and the place in it. */
  readonly name: string;
  /** @throws InputError when it cannot be imported; nothing of it was sent then */
  load(): Promise<StreamImport>;
}

export interface ImportTally {
  /** Streams that are whole in the store now, whoever wrote them. */
  streams: number;
  /** Events written. */
  events: number;
  /** Events that were there already. */
  repeated: number;
  /** Streams that hold something else already. */
  conflicts: number;
  /** Sources that could not be imported. */
  failed: number;
  /** Sources left over because the server stopped answering, or the import was interrupted. */
  unfinished: number;
}

export interface ImportResult extends Readonly<ImportTally> {
  readonly seconds: number;
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
  /** Why the import stopped before its end. */
  readonly stopped?: Error;
}

export interface ImportOptions {
  /** Streams worked on side by side. */
  readonly concurrency: number;
  /** Called whenever a source is done with. */
  readonly onProgress?: (tally: Readonly<ImportTally>) => void;
  /** Ends the import after the requests in work. */
  readonly signal?: AbortSignal;
}

/** Past its retries, one of these means that further requests would not fare better. */
const OVERLOADED_STATUS: ReadonlySet<number> = new Set([429, 503]);

/**
 * Imports sources: each one's requests in order, the sources side by side. Run again, it goes on where it stopped. It
 * ends early when the server stops answering, and only then.
 */
export async function runImport(
  client: AnnalsClient,
  sources: readonly ImportSource[],
  { concurrency, onProgress, signal }: ImportOptions,
): Promise<ImportResult> {
  const began = performance.now();
  const tally: ImportTally = { streams: 0, events: 0, repeated: 0, conflicts: 0, failed: 0, unfinished: 0 };
  const problems: string[] = [];
  let stopped: Error | undefined;

  const fail = (source: ImportSource, error: unknown): void => {
    if (error instanceof InputError) {
      tally.failed++;
      problems.push(error.message);
    } else if (isOutage(error)) {
      tally.unfinished++;
      stopped ??= error;
    } else if (error instanceof AnnalsRequestError) {
      if (error.status === 409) tally.conflicts++;
      else tally.failed++;
      problems.push(`${source.name}: ${error.message}`);
    } else throw error;
  };

  await pLimit(concurrency).map(sources, async (source) => {
    if (stopped || signal?.aborted) tally.unfinished++;
    else await importSource(client, source, tally, signal).catch((error: unknown) => fail(source, error));
    onProgress?.(tally);
  });
  return { ...tally, problems, seconds: (performance.now() - began) / 1000, ...(stopped ? { stopped } : {}) };
}

async function importSource(
  client: AnnalsClient,
  source: ImportSource,
  tally: ImportTally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { requests } = await source.load();
  for (const request of typeof requests === 'function' ? await requests(client) : requests) {
    if (signal?.aborted) return void tally.unfinished++;
    const { repeated } = await request.send(client);
    tally[repeated ? 'repeated' : 'events'] += request.events;
  }
  tally.streams++;
}

function isOutage(error: unknown): error is Error {
  if (error instanceof AnnalsUnreachableError) return true;
  return error instanceof AnnalsRequestError && OVERLOADED_STATUS.has(error.status);
}
