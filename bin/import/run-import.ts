import pLimit from 'p-limit';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { InputError } from './input.ts';

/** A request of an import. A repeat is safe, because the idempotency key follows from the content. */
export interface ImportRequest {
  /** Number of events that the request writes. */
  readonly events: number;
  send(client: AnnalsClient): Promise<{ readonly repeated: boolean }>;
}

/** The import of a stream. */
export interface StreamImport {
  readonly streamId: string;
  /** The requests in order, or a function that asks the server first when they depend on its state. */
  readonly requests: readonly ImportRequest[] | ((client: AnnalsClient) => Promise<readonly ImportRequest[]>);
}

/** The source of a stream: a recorded run, a case of a log. */
export interface ImportSource {
  /** The name in messages: the file, and the place in the file. */
  readonly name: string;
  /** Reads the source. @throws InputError when it cannot be imported; then no part of it was sent */
  load(): Promise<StreamImport>;
}

/** The counts of an import. */
export interface ImportTally {
  /** Streams that are complete in the store, also when an earlier import wrote them. */
  streams: number;
  /** Events written. */
  events: number;
  /** Events that were there already. */
  repeated: number;
  /** Streams that exist with another history. */
  conflicts: number;
  /** Sources that could not be imported. */
  failed: number;
  /** Sources that are left because the server stopped answering, or the import was interrupted. */
  unfinished: number;
}

/** The result of an import. */
export interface ImportResult extends Readonly<ImportTally> {
  readonly seconds: number;
  /** The problems, a line each. */
  readonly problems: readonly string[];
  /** The error that stopped the import before its end. */
  readonly stopped?: Error;
}

/** Settings of {@link runImport}. */
export interface ImportOptions {
  /** Number of streams that are imported side by side. */
  readonly concurrency: number;
  /** Called after each source. */
  readonly onProgress?: (tally: Readonly<ImportTally>) => void;
  /** Ends the import after the current requests. */
  readonly signal?: AbortSignal;
}

/** After the client's retries, these statuses mean that further requests would fail, too. */
const OVERLOADED_STATUS: ReadonlySet<number> = new Set([429, 503]);

/**
 * Imports sources side by side, the requests of each source in order. A second run continues after an interruption. The
 * import ends early only when the server stops answering or the signal aborts.
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
