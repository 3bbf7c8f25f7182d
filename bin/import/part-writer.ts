import pLimit from 'p-limit';
import type { AnnalsClient } from '../../client/client.ts';
import type { SourceEvent } from '../../sources/source-event.ts';
import { StreamWriter, type Written } from './stream-writer.ts';

/** Most streams of a part that gather events at a time. */
const MAX_OPEN = 64;
/** Most batches of a stream that wait. */
const MAX_WAITING = 2;

export interface Listeners {
  written(counts: Written): void;
  /** A stream could not be written. Its later events are passed over. */
  failed(error: unknown): void;
}

interface Stream {
  readonly writer: StreamWriter;
  /** The batches on their way, one after the other. */
  sending: Promise<void>;
  waiting: number;
}

/** Writes the events of a part: several streams side by side, the events of each in order. It holds few events at a time. */
export class PartWriter {
  readonly #client: AnnalsClient;
  readonly #listeners: Listeners;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #most: number;
  /** The stream that was written last is the last. */
  readonly #open = new Map<string, Stream>();
  readonly #seen = new Set<string>();
  readonly #failed = new Set<string>();
  /** Streams whose last batches are on their way. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #sending = new Set<Promise<void>>();

  constructor(client: AnnalsClient, concurrency: number, listeners: Listeners) {
    this.#client = client;
    this.#listeners = listeners;
    this.#most = concurrency;
    this.#limit = pLimit(concurrency);
  }

  /** The number of streams that are complete, once everything was sent. */
  get complete(): number {
    return this.#seen.size - this.#failed.size;
  }

  async add(event: SourceEvent): Promise<void> {
    const { streamId } = event;
    if (this.#failed.has(streamId)) return;
    const stream = this.#open.get(streamId) ?? this.#begin(streamId);
    this.#open.delete(streamId);
    this.#open.set(streamId, stream);
    await this.#send(stream, stream.writer.add(event));
    if (this.#open.size > MAX_OPEN) await this.#closeOldest();
  }

  /** Sends what is left. */
  async finish(): Promise<void> {
    for (const stream of this.#open.values()) await this.#send(stream, stream.writer.take());
    this.#open.clear();
    await Promise.all(this.#sending);
  }

  #begin(streamId: string): Stream {
    this.#seen.add(streamId);
    return {
      writer: new StreamWriter(this.#client, streamId),
      sending: this.#closing.get(streamId) ?? Promise.resolve(),
      waiting: 0,
    };
  }

  /** A stream that comes again after this is read again, once its last batch is sent. */
  async #closeOldest(): Promise<void> {
    const [oldest] = this.#open;
    if (!oldest) return;
    const [streamId, stream] = oldest;
    this.#open.delete(streamId);
    await this.#send(stream, stream.writer.take());
    this.#closing.set(streamId, stream.sending);
    const closed = () => {
      if (this.#closing.get(streamId) === stream.sending) this.#closing.delete(streamId);
    };
    stream.sending.then(closed, closed);
  }

  async #send(stream: Stream, batch: readonly SourceEvent[]): Promise<void> {
    if (batch.length === 0) return;
    stream.waiting++;
    stream.sending = stream.sending.then(() => this.#limit(() => this.#write(stream, batch)));
    const sent = stream.sending;
    this.#sending.add(sent);
    const done = () => this.#sending.delete(sent);
    sent.then(done, done);
    while (stream.waiting >= MAX_WAITING) await stream.sending;
    while (this.#sending.size > this.#most) await Promise.race(this.#sending);
  }

  async #write(stream: Stream, batch: readonly SourceEvent[]): Promise<void> {
    try {
      const { streamId } = stream.writer;
      if (!this.#failed.has(streamId)) this.#listeners.written(await stream.writer.write(batch));
    } catch (error) {
      this.#failed.add(stream.writer.streamId);
      this.#listeners.failed(error);
    } finally {
      stream.waiting--;
    }
  }
}
