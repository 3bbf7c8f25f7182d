import type { PutEventsCommand, PutEventsCommandOutput, PutEventsResultEntry } from '@aws-sdk/client-eventbridge';
import { EventBridgePublisher } from '../../../adapters/aws/eventbridge/publisher.ts';
import { EventBus } from '../../../core/bus/event-bus.ts';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import { LIVE_GENERATION, Projector } from '../../../core/projections/projector.ts';
import { DeadLetters } from '../../../core/publishing/dead-letters.ts';
import { BUS, ONLY_GENERATION, ParkedStreams } from '../../../core/publishing/parked-streams.ts';
import { Publication } from '../../../core/publishing/publication.ts';
import { Relay } from '../../../core/publishing/relay.ts';
import type { Commit } from '../../../core/store/commit.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { VirtualClock } from '../../../testing/simulation/clock.ts';
import type { Delivered } from '../../../testing/simulation/deliveries.ts';
import { Faults } from '../../../testing/simulation/faults.ts';
import type { Random } from '../../../testing/simulation/random.ts';
import { ONCE } from '../../../testing/simulation/world.ts';
import { catalogue } from '../application.ts';
import { step } from '../sample-events.ts';
import { checkOutcome } from './outcome.ts';
import { actionsOf, fleetOf } from './projections.ts';
import type { Stores } from './stores.ts';

/** The result of a run, with the numbers of its faults and events. */
export interface SimulationReport {
  readonly events: number;
  readonly deliveries: number;
  readonly faults: number;
  readonly parked: number;
  readonly restarts: number;
  readonly jumps: number;
}

/** The parts of a simulation: stores that outlive each process, a clock, a bus, and bad events. */
export class Stage {
  readonly random: Random;
  readonly faults: Faults;
  readonly stores: Stores;
  readonly clock: VirtualClock;
  readonly published: DomainEvent[] = [];
  readonly projections = [actionsOf(() => this.#poisonous), fleetOf(() => this.#poisonous)] as const;
  records: Delivered[] = [];
  /** The deliveries begin in the order in which the commits were appended. */
  ordered = true;
  /** One relay at a time: a parked stream then stays parked until its redrive. */
  oneRelay = true;
  deliveries = 0;
  restarts = 0;
  readonly #violations: string[] = [];
  #parked = 0;
  #poisonous = true;
  #redriving = false;
  #ids = 0;
  /** Agents of which the bus refused an event: the rest of the request went on without it. */
  readonly #refused = new Set<string>();

  constructor(random: Random, stores: Stores) {
    this.random = random;
    this.faults = new Faults(random);
    this.clock = new VirtualClock(random);
    this.stores = stores;
  }

  get store(): EventStore {
    return new EventStore(this.stores.commits, { catalogue, now: this.clock.now, newId: () => `id-${++this.#ids}` });
  }

  async appendHistory(): Promise<void> {
    const streams = this.random.from(1, 5);
    const store = this.store;
    for (let n = this.random.from(1, 30); n > 0; n--) {
      const stream = `agent-${this.random.from(1, streams)}`;
      const events = Array.from({ length: this.random.from(1, 4) }, () => step(this.#action()));
      const { fromVersion } = await store.append(stream, events, { expectedVersion: 'any' });
      for await (const commit of store.commits(stream, { from: fromVersion })) {
        const damaged = this.random.chance(0.03);
        this.records.push({ commit, shown: damaged ? { ...commit, body: new Uint8Array() } : commit });
      }
    }
  }

  /** A projector of a new process. */
  projector(): Projector {
    return new Projector({
      projections: this.projections,
      store: this.store,
      views: this.faults.unreliable(this.stores.views),
      sharedViews: this.faults.unreliable(this.stores.shared),
      now: this.clock.now,
    });
  }

  /** A relay of a new process. An unreadable record is logged as the table has it; see the relay function. */
  relay(): (commits: readonly Commit[]) => Promise<readonly { readonly commit: Commit }[]> {
    const storage = this.faults.unreliable(this.stores.pages);
    const log = new LogWriter({
      catalogue,
      storage,
      commits: this.stores.commits,
      strategy: 'single',
      now: this.clock.now,
      pause: this.#turns,
    });
    const relay = new Relay({ log, publication: this.#publication() });
    return async (commits) => {
      const known = new Map(this.records.map(({ commit, shown }) => [shown, commit]));
      const failed = await relay.relay(commits.map((shown) => known.get(shown) ?? shown));
      const shownOf = new Map(this.records.map(({ commit, shown }) => [commit, shown]));
      return failed.map(({ commit }) => ({ commit: shownOf.get(commit) ?? commit }));
    };
  }

  /** A new version of the code accepts the bad events, and an operator redrives. */
  async recover(): Promise<void> {
    this.faults.healthy = true;
    this.faults.dead = false;
    this.#redriving = true;
    const all = { limit: 1_000, deadline: new Date(Number.MAX_SAFE_INTEGER / 2), preview: false };
    const stuck = await this.#deadLetters().redriveAll(all);
    this.#parked += stuck.results.length;
    this.#poisonous = false;
    await this.#deadLetters().redriveAll(all);
  }

  /** @throws Error that names the difference */
  async check(): Promise<SimulationReport> {
    const [violation] = this.#violations;
    if (violation) throw new Error(violation);
    const left = await Array.fromAsync(this.#deadLetters().list());
    if (left.length > 0) throw new Error(`${left.length} dead letters are left: ${JSON.stringify(left[0])}`);
    const events = await checkOutcome({
      store: this.store,
      streams: [...new Set(this.records.map(({ commit }) => commit.stream))],
      views: this.stores.views,
      sharedViews: this.stores.shared,
      projections: this.projections,
      pages: this.stores.pages,
      published: this.published,
      ordered: this.ordered,
      refused: this.#refused,
    });
    const { deliveries, restarts } = this;
    return { events, deliveries, faults: this.faults.count, parked: this.#parked, restarts, jumps: this.clock.jumps };
  }

  #publication(): Publication {
    const bus = new EventBus({ onHandlerError: () => {} });
    const send = (command: PutEventsCommand) => this.faults.call(() => this.#putEvents(command));
    bus.addPublisher('bus', new EventBridgePublisher({ send }, 'bus', { breakAfter: Number.MAX_SAFE_INTEGER }));
    const parked = new ParkedStreams(this.faults.unreliable(this.stores.marks), BUS);
    return new Publication({ catalogue, bus, policy: ONCE, parked, onParked: () => {}, now: this.clock.now });
  }

  /** Lets other tasks run. */
  readonly #turns = async (): Promise<void> => {
    for (let turns = this.random.from(0, 10); turns > 0; turns--) await undefined;
  };

  /** Accepts some entries, and refuses others temporarily or permanently. Requests can overtake each other. */
  async #putEvents({ input: { Entries: entries = [] } }: PutEventsCommand): Promise<PutEventsCommandOutput> {
    await this.#turns();
    const events = entries.map(({ Detail = '' }): DomainEvent => JSON.parse(Detail));
    await this.#checkMarks(events);
    return { $metadata: {}, Entries: events.map((event) => this.#putEvent(event)), FailedEntryCount: undefined };
  }

  #putEvent(event: DomainEvent): PutEventsResultEntry {
    const refused = !this.faults.healthy && this.random.chance(0.05);
    if (!refused && !(this.#poisonous && actionOf(event).includes('unpublishable'))) {
      this.published.push(event);
      return { EventId: event.id };
    }
    this.#refused.add(event.aggregateId);
    return { ErrorCode: refused ? 'ThrottlingException' : 'MalformedDetail' };
  }

  /** After a stream is parked, the bus gets none of its later events until the redrive. */
  async #checkMarks(events: readonly DomainEvent[]): Promise<void> {
    if (!this.oneRelay || this.#redriving) return;
    for (const { aggregateId, sequenceNumber } of events) {
      const mark = (await this.stores.marks.get(BUS, ONLY_GENERATION, `agent-${aggregateId}`))?.parked;
      if (!mark || mark.version > sequenceNumber) continue;
      // Kept and not thrown: the bus treats every error of a publisher as a refusal.
      this.#violations.push(
        `the bus heard ${aggregateId}/${sequenceNumber}, but the stream is parked at ${mark.version}`,
      );
    }
  }

  #deadLetters(): DeadLetters {
    const { views, shared: sharedViews, marks: busMarks } = this.stores;
    const { projections, store } = this;
    const { now } = this.clock;
    const live = () => LIVE_GENERATION;
    const publication = this.#publication();
    return new DeadLetters({ projections, store, views, sharedViews, busMarks, live, publication, now });
  }

  #action(): string {
    const kind = this.random.chance(0.05) ? this.random.pick(['untakable', 'uncountable', 'unpublishable']) : 'step';
    return `${kind} ${this.random.from(1, 1_000_000)}`;
  }
}

const actionOf = (event: DomainEvent) => (event.type === 'agent.step-recorded' ? event.data.action : '');
