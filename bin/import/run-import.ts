import pLimit from 'p-limit';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import type { Notices, SourcePart } from '../../sources/source-event.ts';
import { SourceFault } from '../../sources/source-fault.ts';
import { assertAccepted } from './event-fault.ts';
import { InputError } from './input.ts';
import { PartWriter } from './part-writer.ts';
import { OtherHistoryError } from './stream-writer.ts';

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
  /** Files and streams that could not be imported. */
  failed: number;
  /** Files that are left because the server stopped answering, or the import was interrupted. */
  unfinished: number;
}

/** The result of an import. */
export interface ImportResult extends Readonly<ImportTally> {
  readonly seconds: number;
  /** The problems, a line each. */
  readonly problems: readonly string[];
  /** What was not made an event, with how often it occurred. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** The error that stopped the import before its end. */
  readonly stopped?: Error;
}

/** Settings of {@link runImport}. */
export interface ImportOptions {
  /** Number of files, and of streams in each, that are imported side by side. */
  readonly concurrency: number;
  /** Called after each file. */
  readonly onProgress?: (tally: Readonly<ImportTally>, done: number) => void;
  /** Ends the import after the current requests. */
  readonly signal?: AbortSignal;
}

/** After the client's retries, these statuses mean that further requests would fail, too. */
const OVERLOADED_STATUS: ReadonlySet<number> = new Set([429, 503]);

/**
 * Imports the parts side by side, the events of each stream in order. A second run continues after an interruption. The
 * import ends early only when the server stops answering or the signal aborts.
 */
export async function runImport(
  client: AnnalsClient,
  parts: readonly SourcePart[],
  { concurrency, onProgress, signal }: ImportOptions,
): Promise<ImportResult> {
  const began = performance.now();
  const run = new ImportRun(client, concurrency, signal);
  let done = 0;
  await pLimit(concurrency).map(parts, async (part) => {
    await run.part(part);
    onProgress?.(run.tally, ++done);
  });
  return { ...run.result(), seconds: (performance.now() - began) / 1000 };
}

class ImportRun {
  readonly tally: ImportTally = { streams: 0, events: 0, repeated: 0, conflicts: 0, failed: 0, unfinished: 0 };
  readonly #client: AnnalsClient;
  readonly #concurrency: number;
  readonly #signal: AbortSignal | undefined;
  readonly #problems: string[] = [];
  readonly #leftOut = new Map<string, number>();
  #stopped: Error | undefined;

  constructor(client: AnnalsClient, concurrency: number, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#concurrency = concurrency;
    this.#signal = signal;
  }

  result() {
    return {
      ...this.tally,
      problems: this.#problems,
      leftOut: Object.fromEntries(this.#leftOut),
      ...(this.#stopped ? { stopped: this.#stopped } : {}),
    };
  }

  async part(part: SourcePart): Promise<void> {
    if (this.#isOver()) return void this.tally.unfinished++;
    const writer = new PartWriter(this.#client, this.#concurrency, {
      written: ({ events, repeated }) => {
        this.tally.events += events;
        this.tally.repeated += repeated;
      },
      failed: (error) => this.#fail(part, error),
    });
    try {
      if (part.checkFirst) for await (const event of part.events(SILENT)) assertAccepted(part.name, event);
      for await (const event of part.events(this.#notices(part))) {
        if (this.#isOver()) break;
        if (part.checkFirst || this.#isAccepted(part, event)) await writer.add(event);
      }
    } catch (error) {
      this.#fail(part, error);
    }
    // What came before a fault of the file is complete.
    if (!this.#isOver()) await writer.finish();
    this.tally.streams += writer.complete;
    if (this.#isOver()) this.tally.unfinished++;
  }

  #isOver(): boolean {
    return this.#stopped !== undefined || this.#signal?.aborted === true;
  }

  /** An event that the server would refuse does not keep the others back. */
  #isAccepted(part: SourcePart, event: Parameters<typeof assertAccepted>[1]): boolean {
    try {
      assertAccepted(part.name, event);
      return true;
    } catch (error) {
      this.#fail(part, error);
      return false;
    }
  }

  #notices(part: SourcePart): Notices {
    return {
      problem: (place, fault) => this.#fail(part, new InputError(part.name, place, fault)),
      count: (what, times = 1) => {
        if (times > 0) this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + times);
      },
    };
  }

  #fail(part: SourcePart, error: unknown): void {
    if (error instanceof InputError || error instanceof SourceFault) {
      this.tally.failed++;
      const known = error instanceof InputError ? error : new InputError(part.name, error.place, error.message);
      this.#problems.push(known.message);
    } else if (error instanceof OtherHistoryError) {
      this.tally.failed++;
      this.#problems.push(`${part.name}: ${error.message}`);
    } else if (isOutage(error)) this.#stopped ??= error;
    else if (error instanceof AnnalsRequestError) {
      if (error.status === 409) this.tally.conflicts++;
      else this.tally.failed++;
      this.#problems.push(`${part.name}: ${error.message}`);
    } else throw error;
  }
}

const SILENT: Notices = { problem: () => {}, count: () => {} };

function isOutage(error: unknown): error is Error {
  if (error instanceof AnnalsUnreachableError) return true;
  return error instanceof AnnalsRequestError && OVERLOADED_STATUS.has(error.status);
}
