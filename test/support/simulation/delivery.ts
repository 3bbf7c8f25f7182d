import { UnavailableError, ValidationError } from '../../../core/base/errors.ts';
import { EventBus } from '../../../core/bus/event-bus.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import { LIVE_GENERATION, Projector } from '../../../core/projections/projector.ts';
import { DeadLetters } from '../../../core/publishing/dead-letters.ts';
import { ParkedPublications } from '../../../core/publishing/parked-publications.ts';
import { Publication } from '../../../core/publishing/publication.ts';
import { Relay } from '../../../core/publishing/relay.ts';
import type { Commit } from '../../../core/store/commit.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import type { DomainEvent } from '../../../events/catalogue.ts';
import { MemoryLogStorage } from '../memory-log.ts';
import { MemorySharedViews } from '../memory-shared-views.ts';
import { MemoryCommitStorage } from '../memory-storage.ts';
import { MemoryViewStore } from '../memory-views.ts';
import { step } from '../sample-events.ts';
import { Faults } from './faults.ts';
import { checkOutcome } from './outcome.ts';
import { actionsOf, fleetOf } from './projections.ts';
import { Random } from './random.ts';

/** What became of one run; the numbers say that it was no walk in the park. */
export interface SimulationReport {
  readonly events: number;
  readonly deliveries: number;
  readonly faults: number;
  readonly parked: number;
}

interface Record {
  readonly commit: Commit;
  /** What the delivery shows of it: the commit, or a damaged copy. */
  readonly shown: Commit;
}

/** Consumers see a batch; what they return or throw decides where it is delivered again. */
type Consumer = (commits: readonly Commit[]) => Promise<readonly { readonly commit: Commit }[]>;

const ONCE = { attempts: 1, initialDelayMs: 0, maxDelayMs: 0 };
const START = Date.UTC(2026, 0, 5);

/**
 * One run of everything between the table and the views, the log and the bus, in memory and in virtual time. The seed
 * decides all: what is appended, how batches are cut, how often and in which order they are delivered, where calls fail
 * before or after their effect, where a function dies, what the bus refuses, which events no projection can take.
 *
 * Faults end at last and dead letters are redriven; then every view has to equal the fold of what was appended, the log to
 * have every event once, the bus to have had each at least once. The log has to keep the order of each stream, and the bus
 * to hear the events of each for the first time in their order, where the deliveries began in order (and the bus refused
 * none of the stream).
 * @throws Error that says what is not so
 */
export async function simulateDelivery(seed: number): Promise<SimulationReport> {
  const simulation = new Simulation(new Random(seed));
  await simulation.appendHistory();
  await simulation.deliverAll();
  await simulation.recover();
  return simulation.check();
}

class Simulation {
  readonly #random: Random;
  readonly #faults: Faults;
  #poisonous = true;
  /** The deliveries begin in the order in which the commits were appended. */
  #ordered = true;
  #seconds = 0;
  #ids = 0;
  #deliveries = 0;
  #tries = 0;
  #parked = 0;
  readonly #storage = new MemoryCommitStorage();
  readonly #views = new MemoryViewStore();
  readonly #shared = new MemorySharedViews(this.#views);
  readonly #pages = new MemoryLogStorage();
  readonly #published: DomainEvent[] = [];
  /** Agents of which the bus refused an event: the rest of the request went on without it. */
  readonly #refused = new Set<string>();
  readonly #projections = [actionsOf(() => this.#poisonous), fleetOf(() => this.#poisonous)] as const;
  #records: Record[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#faults = new Faults(random);
  }

  readonly #now = () => new Date(START + 1_000 * ++this.#seconds);
  readonly #store = new EventStore(this.#storage, { now: this.#now, newId: () => `id-${++this.#ids}` });

  async appendHistory(): Promise<void> {
    const streams = this.#random.from(1, 5);
    for (let n = this.#random.from(1, 30); n > 0; n--) {
      const stream = `agent-${this.#random.from(1, streams)}`;
      const events = Array.from({ length: this.#random.from(1, 4) }, () => step(this.#action()));
      const { fromVersion } = await this.#store.append(stream, events, { expectedVersion: 'any' });
      for await (const commit of this.#store.commits(stream, { from: fromVersion })) {
        const damaged = this.#random.chance(0.03);
        this.#records.push({ commit, shown: damaged ? { ...commit, body: new Uint8Array() } : commit });
      }
    }
    // Beyond what AWS does: also the commits of one stream out of order.
    this.#ordered = this.#random.chance(0.5);
    if (!this.#ordered) this.#records = this.#random.shuffled(this.#records, this.#random.from(2, 10));
  }

  /** Two consumers, each at its own pace, and now and then two batches at once. */
  async deliverAll(): Promise<void> {
    const projector = () => this.#deliver(this.#projector());
    const relay = () => this.#deliver(this.#relay());
    if (this.#random.chance(0.5)) await Promise.all([projector(), projector()]);
    else await projector();
    await relay();
  }

  /** The bad events are mended, by a new version of the code, and an operator redrives. */
  async recover(): Promise<void> {
    this.#faults.healthy = true;
    this.#faults.dead = false;
    const all = { limit: 1_000, deadline: new Date(Number.MAX_SAFE_INTEGER / 2), preview: false };
    const stuck = await this.#deadLetters().redriveAll(all);
    this.#parked += stuck.results.length;
    this.#poisonous = false;
    await this.#deadLetters().redriveAll(all);
  }

  async check(): Promise<SimulationReport> {
    const left = await Array.fromAsync(this.#deadLetters().list());
    if (left.length > 0) throw new Error(`${left.length} dead letters are left: ${JSON.stringify(left[0])}`);
    const events = await checkOutcome({
      store: this.#store,
      streams: [...new Set(this.#records.map(({ commit }) => commit.stream))],
      views: this.#views,
      shared: this.#shared,
      fleet: this.#projections[1],
      pages: this.#pages,
      published: this.#published,
      ordered: this.#ordered,
      refused: this.#refused,
    });
    return { events, deliveries: this.#deliveries, faults: this.#faults.count, parked: this.#parked };
  }

  /** Batch after batch, or two side by side, which no shard does: each until all of it is done with. */
  async #deliver(consumer: Consumer): Promise<void> {
    const lanes = this.#random.chance(0.3) ? 2 : 1;
    if (lanes > 1) this.#ordered = false;
    for (let position = 0; position < this.#records.length; ) {
      const batches = Array.from({ length: lanes }, () => {
        const start = position;
        position += this.#random.from(1, 10);
        return this.#deliverBatch(consumer, start, Math.min(position, this.#records.length));
      });
      await Promise.all(batches);
    }
    this.#faults.healthy = false;
  }

  async #deliverBatch(consumer: Consumer, start: number, end: number): Promise<void> {
    for (let position = start; position < end; this.#tries++) {
      this.#faults.healthy = this.#tries > 60; // no fault lasts for ever
      const batch = this.#records.slice(position, this.#random.from(position + 1, end));
      const again = this.#random.chance(0.3) ? this.#random.from(1, 4) : 0;
      for (let n = 0; n < again; n++) await this.#invoke(consumer, this.#disturbed(batch, position));
      position += await this.#invoke(consumer, batch);
    }
  }

  /** The same batch in disorder, with some of what came earlier. */
  #disturbed(batch: readonly Record[], position: number): Record[] {
    const start = Math.max(0, position - this.#random.from(0, 5));
    return this.#random.shuffled([...this.#records.slice(start, position), ...batch], this.#random.from(1, 10));
  }

  /** @returns how many records of the batch are done with: up to the first that failed, none when the function died */
  async #invoke(consumer: Consumer, batch: readonly Record[]): Promise<number> {
    this.#deliveries++;
    this.#faults.dead = false;
    let failed: readonly { readonly commit: Commit }[];
    try {
      failed = await consumer(batch.map(({ shown }) => shown));
    } catch (error) {
      if (error instanceof UnavailableError) return 0;
      throw error;
    }
    if (this.#faults.dead) return 0;
    const bad = new Set(failed.map(({ commit }) => commit));
    const lowest = batch.findIndex(({ shown }) => bad.has(shown));
    return lowest < 0 ? batch.length : lowest;
  }

  #projector(): Consumer {
    const projector = new Projector({
      projections: this.#projections,
      store: this.#store,
      views: this.#faults.unreliable(this.#views),
      sharedViews: this.#faults.unreliable(this.#shared),
      now: this.#now,
    });
    return (commits) => projector.applyOrPark(commits, ONCE, () => {});
  }

  #relay(): Consumer {
    const log = new LogWriter({
      storage: this.#faults.unreliable(this.#pages),
      commits: this.#storage,
      strategy: 'single',
    });
    const relay = new Relay({ log, publication: this.#publication() });
    // An unreadable record is logged as the table has it; see the relay function.
    return async (commits) => {
      const known = new Map(this.#records.map(({ commit, shown }) => [shown, commit]));
      const failed = await relay.relay(commits.map((shown) => known.get(shown) ?? shown));
      const shownOf = new Map(this.#records.map(({ commit, shown }) => [commit, shown]));
      return failed.map(({ commit }) => ({ commit: shownOf.get(commit) ?? commit }));
    };
  }

  #publication(): Publication {
    const bus = new EventBus({ onHandlerError: () => {} });
    bus.addPublisher('bus', { publish: (events) => this.#faults.call(async () => this.#publish(events)) });
    const parked = new ParkedPublications(this.#faults.unreliable(this.#views));
    return new Publication({ bus, policy: ONCE, parked, onParked: () => {}, now: this.#now });
  }

  /** PutEvents: takes some of the entries, refuses some until later and some for good. */
  #publish(events: readonly DomainEvent[]) {
    return events.flatMap((event) => {
      const refused = !this.#faults.healthy && this.#random.chance(0.05);
      if (!refused && !(this.#poisonous && actionOf(event).includes('unpublishable'))) {
        this.#published.push(event);
        return [];
      }
      this.#refused.add(event.aggregateId);
      const error = refused ? new UnavailableError('later') : new ValidationError([{ path: '', message: 'never' }]);
      return [{ event, error }];
    });
  }

  #deadLetters(): DeadLetters {
    const [store, views, sharedViews] = [this.#store, this.#views, this.#shared];
    const live = () => LIVE_GENERATION;
    const publication = this.#publication();
    return new DeadLetters({
      projections: this.#projections,
      store,
      views,
      sharedViews,
      live,
      publication,
      now: this.#now,
    });
  }

  #action(): string {
    const kind = this.#random.chance(0.05) ? this.#random.pick(['untakable', 'uncountable', 'unpublishable']) : 'step';
    return `${kind} ${this.#random.from(1, 1_000_000)}`;
  }
}

const actionOf = (event: DomainEvent) => (event.type === 'agent.step-recorded' ? event.data.action : '');
