import { type AnnalsClient, AnnalsRequestError } from '../../client/client.ts';
import { addAmount } from '../../core/events/amount.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { MAX_GIVEN_IDS } from '../../core/store/new-events.ts';
import type { AgentState } from '../../events/agent.ts';
import { digest } from '../../sources/names.ts';
import { keyOf, type SourceEvent } from '../../sources/source-event.ts';
import { SAFE_BATCH_BYTES } from './request-size.ts';

/** Most events of a page of a stream. */
const PAGE = 1_000;

/** Another history is in a stream of this name. */
export class OtherHistoryError extends Error {
  override readonly name = 'OtherHistoryError';
}

/** The counts of a batch. */
export interface Written {
  readonly events: number;
  readonly repeated: number;
}

/** Gathers the events of a stream in batches, and appends those that the stream lacks. */
export class StreamWriter {
  readonly streamId: string;
  readonly #client: AnnalsClient;
  #batch: SourceEvent[] = [];
  #bytes = 0;
  #known: KnownEvents | undefined;

  constructor(client: AnnalsClient, streamId: string) {
    this.#client = client;
    this.streamId = streamId;
  }

  /** @returns the batch before this event, when it is full */
  add(event: SourceEvent): readonly SourceEvent[] {
    const size = Buffer.byteLength(JSON.stringify(event.event)) + 1;
    const isFull = this.#batch.length === MAX_GIVEN_IDS || this.#bytes + size > SAFE_BATCH_BYTES;
    const full = isFull ? this.take() : [];
    this.#batch.push(event);
    this.#bytes += size;
    return full;
  }

  /** The events that wait. */
  take(): readonly SourceEvent[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    return batch;
  }

  /**
   * Appends the events of a batch that the stream lacks. Batches have to be written one after the other.
   * @throws OtherHistoryError before anything of the batch is sent
   */
  async write(batch: readonly SourceEvent[]): Promise<Written> {
    const begun = this.#known ? undefined : await this.#begin(batch);
    if (begun) return begun;
    const known = this.#known ?? (await this.#read(batch[0]));
    this.#known = known;
    const events = batch.flatMap((each) => (known.isNew(each) ? known.add(each) : known.pass(each)) ?? []);
    const repeated = batch.filter(({ event }) => known.wasThere(event.id)).length;
    if (events.length > 0) await this.#append('any', events);
    return { events: events.length, repeated };
  }

  /** Begins a stream. @returns undefined when there is a stream, which then has to be read */
  async #begin(batch: readonly SourceEvent[]): Promise<Written | undefined> {
    const known = new KnownEvents(this.streamId);
    const fresh = batch.filter((each) => known.isNew(each));
    const events = fresh.flatMap((each) => known.add(each) ?? []);
    try {
      const { repeated } = await this.#append(0, events);
      if (repeated) return undefined;
      this.#known = known;
      return { events: events.length, repeated: 0 };
    } catch (error) {
      if (error instanceof AnnalsRequestError && error.code === 'CONCURRENCY_CONFLICT') return undefined;
      throw error;
    }
  }

  #append(expectedVersion: 0 | 'any', events: readonly NewEvent[]) {
    const idempotencyKey = `import-${digest(JSON.stringify([this.streamId, events]))}`;
    return this.#client.append(this.streamId, { expectedVersion, events }, { idempotencyKey });
  }

  async #read(first: SourceEvent | undefined): Promise<KnownEvents> {
    const known = new KnownEvents(this.streamId);
    try {
      for (let cursor: string | undefined; ; ) {
        const page = await this.#client.readStream(this.streamId, { limit: PAGE, ...(cursor ? { cursor } : {}) });
        for (const event of page.events) known.addThere(event);
        if (page.next === null) break;
        cursor = page.next;
      }
    } catch (error) {
      if (!(error instanceof AnnalsRequestError && error.code === 'STREAM_NOT_FOUND')) throw error;
    }
    known.assertSameBeginning(first);
    return known;
  }
}

const usageOf = (event: NewEvent | DomainEvent) =>
  event.type === 'agent.step-recorded' ? event.data.usage : undefined;

function withoutUsage(event: NewEvent): NewEvent {
  if (event.type !== 'agent.step-recorded') return event;
  const { usage: _, ...data } = event.data;
  return { ...event, data };
}

/** The ids of the events of a stream, and their usage. */
class KnownEvents {
  readonly #streamId: string;
  readonly #there = new Set<string>();
  readonly #sent = new Set<string>();
  readonly #keys = new Set<string>();
  /** Hooks told steps of this history, without their usage. */
  #hasHooks = false;
  /** The usage of the steps that the source told so far. */
  #told: Record<string, number> = {};
  /** The calls of models that telemetry told, by the id of their event. They have their usage. */
  readonly #calls = new Set<string>();
  /** Telemetry told usage of calls that no file can name. */
  #hasUnnamedCalls = false;
  /** The state of an agent so far. */
  #state: AgentState | undefined;
  /** The usage of the events so far. */
  readonly #used: Record<string, number> = {};

  constructor(streamId: string) {
    this.#streamId = streamId;
  }

  wasThere(id: string): boolean {
    return this.#there.has(id);
  }

  addThere(event: DomainEvent): void {
    const { id } = event;
    this.#there.add(id);
    this.#hasHooks ||= event.source === 'claude-code';
    if (event.source === 'opentelemetry') this.#noteCall(event);
    this.#follow(event);
    const key = keyOf(id);
    if (key !== id) this.#keys.add(key);
  }

  /**
   * @returns the event to send: a change from the state in which the stream is, usage without what earlier events have;
   * undefined when it would change nothing
   */
  add({ event, totals: given, call }: SourceEvent): NewEvent | undefined {
    this.#sent.add(event.id);
    if (event.type === 'agent.state-changed') return this.#change(event);
    if (call !== undefined && this.#calls.has(call)) return withoutUsage(event);
    if (this.#calls.size > 0 && call === undefined && usageOf(event)) throw this.#twice();
    this.#tell(event);
    const isLeft = Object.entries(this.#told).some(([name, told]) => told > (this.#used[name] ?? 0));
    const totals = given ?? (this.#hasHooks && isLeft ? this.#told : undefined);
    if (!totals) {
      this.#follow(event);
      return event;
    }
    const left = Object.entries(totals).map(([name, total]) => [
      name,
      addAmount(0, Math.max(0, Number(total) - (this.#used[name] ?? 0))),
    ]);
    const counted = { ...event, data: { ...event.data, usage: Object.fromEntries(left) } } as NewEvent;
    this.#follow(counted);
    return counted;
  }

  /** Takes note of an event that is there. Where a hook told the step, the next step gets its usage. */
  pass({ event, call }: SourceEvent): undefined {
    if (call === undefined || !this.#calls.has(call)) this.#tell(event);
  }

  #noteCall(event: DomainEvent): void {
    if (!usageOf(event)) return;
    if (event.metadata['requestId'] === undefined) this.#hasUnnamedCalls = true;
    else this.#calls.add(event.id);
  }

  #tell(event: NewEvent): void {
    if (event.type !== 'agent.step-recorded') return;
    for (const [name, used] of Object.entries(usageOf(event) ?? {})) {
      this.#told[name] = addAmount(this.#told[name] ?? 0, Number(used));
    }
  }

  #change(event: NewEvent<'agent.state-changed'>): NewEvent | undefined {
    if (this.#hasHooks) return undefined; // hooks tell the states exactly
    const previousState = this.#state ?? event.data.previousState;
    if (previousState === event.data.newState) return undefined;
    this.#state = event.data.newState;
    return { ...event, data: { ...event.data, previousState } };
  }

  /** Follows the state and the usage of an agent. */
  #follow(event: NewEvent | DomainEvent): void {
    if (event.type === 'agent.created') this.#state = 'created';
    else if (event.type === 'agent.state-changed') this.#state = event.data.newState;
    else if (event.type === 'agent.step-recorded' && event.source === 'import') {
      for (const [name, used] of Object.entries(event.data.usage ?? {})) {
        this.#used[name] = addAmount(this.#used[name] ?? 0, used);
      }
    }
  }

  /** @throws OtherHistoryError when the stream has another event under the key */
  isNew({ event: { id }, place }: SourceEvent): boolean {
    if (this.#there.has(id) || this.#sent.has(id)) return false;
    if (this.#keys.has(keyOf(id))) throw this.#other(`${place} differs`);
    return true;
  }

  assertSameBeginning(first: SourceEvent | undefined): void {
    if (first && this.#there.size > 0 && !this.#there.has(first.event.id))
      throw this.#other('it begins with other events');
    if (this.#hasUnnamedCalls) throw this.#twice();
  }

  #twice(): OtherHistoryError {
    const name = this.#streamId.replace('-', ' ');
    return new OtherHistoryError(
      `telemetry told ${name} already, and its calls of models cannot be recognised in this file, so their usage would count twice: keep ${name} as it is, or import this file beside it with --prefix file-`,
    );
  }

  #other(difference: string): OtherHistoryError {
    const [type, ...id] = this.#streamId.split('-');
    const name = `${type} ${id.join('-')}`;
    return new OtherHistoryError(
      `${name} exists with another history: ${difference}; import this file under another name with --id or --prefix`,
    );
  }
}
