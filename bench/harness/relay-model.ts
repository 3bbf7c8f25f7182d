import type { PutEventsCommand, PutEventsCommandOutput } from '@aws-sdk/client-eventbridge';
import { EventBridgePublisher } from '../../adapters/aws/eventbridge/publisher.ts';
import { CorruptDataError } from '../../core/base/errors.ts';
import { EventBus } from '../../core/bus/event-bus.ts';
import type { LogPage } from '../../core/log/page.ts';
import type { Partitioning } from '../../core/log/partition.ts';
import type { LogStorage, PageRange } from '../../core/log/storage.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { BUS, ParkedStreams } from '../../core/publishing/parked-streams.ts';
import { Publication } from '../../core/publishing/publication.ts';
import { Relay } from '../../core/publishing/relay.ts';
import { type Commit, encodeEvents } from '../../core/store/commit.ts';
import { catalogue } from '../../test/support/application.ts';
import { MemoryViewStore } from '../../testing/memory/views.ts';
import { sampleEvents } from './events.ts';
import { VirtualClock } from './virtual-time.ts';

/** The assumptions of the model about AWS. Times are in milliseconds. */
export const assumed = {
  /** A request to DynamoDB with its answer; it takes effect after half of the time. */
  dynamoDbMs: 5,
  /** A PutEvents request of up to 10 entries. */
  putEventsMs: 15,
  /** Write units a second of a partition key; further writes wait. */
  unitsPerKey: 1_000,
  /** Entries a second that EventBridge takes from an account (us-east-1); further entries wait. */
  entriesPerSecond: 10_000,
  /** Most commits a second from a shard of the table's stream: a partition of the table takes 1,000 units. */
  commitsPerShard: 1_000,
  /** From the time at which Lambda has a batch to the start of the handler. */
  invokeMs: 10,
  /** Most commits of an invocation: 6 MB, of 1.4 KB as records of a stream. */
  mostCommits: 4_000,
  /** Processor time of a request with the AWS SDK, on a whole processor. */
  requestCpuMs: 1.8,
  /** Processor time of an event: to parse, decode and compress it, and to make an entry. */
  eventCpuMs: 0.1,
  /** Processor time of a commit in a page that another relay wrote. */
  foreignCpuMs: 0.01,
  /** Memory with which a function has a whole processor, MB. */
  wholeProcessor: 1_769,
  eventBytes: 300,
  /** Number of streams over all shards. */
  streams: 2_000,
} as const;

/** The settings of the relay. */
export interface RelaySetup {
  readonly batchSize: number;
  /** Longest wait of Lambda for a full batch, milliseconds. */
  readonly windowMs: number;
  readonly memoryMegabytes: number;
  readonly partitioning: Partitioning;
}

/** The load of the relay. */
export interface Load {
  /** Shards of the table's stream, each with a single relay at a time. */
  readonly shards: number;
  readonly eventsPerCommit: number;
  /** Commits a second over all shards; by default more than the relay takes, as after an outage. */
  readonly offered?: number;
  readonly seconds: number;
}

/** The results of the model. */
export interface RelayFigures {
  readonly commitsPerSecond: number;
  /** Share of puts to the log that lost against another relay. */
  readonly lostPuts: number;
  /** Median time from the append to the bus, milliseconds. */
  readonly delayMs: number;
}

/** Seconds before the count starts. */
const WARM_UP = 5;

/** Takes the units of a second at once, and further units in sequence, as throttled requests are repeated until they pass. */
class Capacity {
  readonly #clock: VirtualClock;
  readonly #perSecond: number;
  #freeAt = 0;

  constructor(clock: VirtualClock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  async take(units: number): Promise<void> {
    const { now } = this.#clock;
    this.#freeAt = Math.max(this.#freeAt, now - 1_000) + (units / this.#perSecond) * 1_000;
    if (this.#freeAt > now) await this.#clock.sleepUntil(this.#freeAt);
  }
}

/** A processor or a share of it. Work waits while it is busy. */
class Processor {
  readonly #clock: VirtualClock;
  readonly #share: number;
  #freeAt = 0;

  constructor(clock: VirtualClock, memoryMegabytes: number) {
    this.#clock = clock;
    this.#share = Math.min(1, memoryMegabytes / assumed.wholeProcessor);
  }

  work(ms: number): Promise<void> {
    this.#freeAt = Math.max(this.#freeAt, this.#clock.now) + ms / this.#share;
    return this.#clock.sleepUntil(this.#freeAt);
  }
}

/** The resources that all relays share. */
class Cloud {
  readonly clock = new VirtualClock();
  readonly bus = new Capacity(this.clock, assumed.entriesPerSecond);
  readonly pages = new Map<string, LogPage[]>();
  readonly marks = new Map<string, number>();
  readonly #keys = new Map<string, Capacity>();
  puts = 0;
  lost = 0;

  key(partition: string): Capacity {
    const known = this.#keys.get(partition) ?? new Capacity(this.clock, assumed.unitsPerKey);
    this.#keys.set(partition, known);
    return known;
  }
}

const writeUnits = ({ body }: LogPage) => Math.ceil((body.length + 250) / 1_024);

/** The log's table, as a relay uses it. */
class ModelledLog implements LogStorage {
  readonly #cloud: Cloud;
  readonly #processor: Processor;

  constructor(cloud: Cloud, processor: Processor) {
    this.#cloud = cloud;
    this.#processor = processor;
  }

  put(page: LogPage): Promise<LogPage | undefined> {
    return this.#request(async () => {
      const { pages, key } = { pages: this.#pages(page.partition), key: this.#cloud.key(page.partition) };
      await key.take(writeUnits(page));
      this.#cloud.puts += 1;
      const occupant = pages[page.page - 1];
      if (occupant) this.#cloud.lost += 1;
      else pages.push(page);
      return occupant;
    });
  }

  last(partition: string): Promise<LogPage | undefined> {
    return this.#request(async () => this.#pages(partition).at(-1));
  }

  async *read(partition: string, { after, limit = 1_000 }: PageRange): AsyncGenerator<LogPage> {
    const pages = await this.#request(async () => this.#pages(partition).slice(after, after + limit));
    await this.#processor.work(pages.reduce((sum, { count }) => sum + count, 0) * assumed.foreignCpuMs);
    yield* pages;
  }

  async marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { marks } = this.#cloud;
    await Promise.all(Array.from({ length: Math.ceil(keys.length / 100) }, () => this.#request(async () => {})));
    return new Map(keys.flatMap((key) => (marks.has(key) ? [[key, marks.get(key) ?? 0]] : [])));
  }

  async raiseMarks(raised: ReadonlyMap<string, number>): Promise<void> {
    const left = [...raised];
    const worker = async () => {
      for (let batch = left.splice(0, 25); batch.length > 0; batch = left.splice(0, 25)) {
        await this.#request(async () => {
          for (const [key, mark] of batch) this.#cloud.marks.set(key, Math.max(mark, this.#cloud.marks.get(key) ?? 0));
        });
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
  }

  async expire(): Promise<void> {}

  #pages(partition: string): LogPage[] {
    const known = this.#cloud.pages.get(partition) ?? [];
    this.#cloud.pages.set(partition, known);
    return known;
  }

  async #request<T>(effect: () => Promise<T>): Promise<T> {
    const { clock } = this.#cloud;
    await this.#processor.work(assumed.requestCpuMs);
    await clock.sleep(assumed.dynamoDbMs / 2);
    const answer = await effect();
    await clock.sleep(assumed.dynamoDbMs / 2);
    return answer;
  }
}

/** The commits of a shard in order. Commit number n arrives after n / rate seconds. */
class Shard {
  readonly #number: number;
  readonly #load: Load;
  readonly #json: string;
  readonly #perSecond: number;
  readonly #versions = new Map<string, number>();
  /** Shards are not in step with each other, however long Lambda waits for a batch. */
  readonly #start: number;
  taken = 0;

  constructor(number: number, load: Load, windowMs: number) {
    this.#start = Math.random() * windowMs;
    this.#number = number;
    this.#load = load;
    this.#perSecond = load.offered === undefined ? Infinity : load.offered / load.shards;
    this.#json = JSON.stringify(sampleEvents(1, assumed.eventBytes)[0]);
  }

  /** The arrival of commit `n`, milliseconds. */
  arrival = (n: number): number => this.#start + (n / this.#perSecond) * 1_000;

  available = (now: number): number => Math.floor(((now - this.#start) / 1_000) * this.#perSecond) - this.taken;

  take(count: number): Promise<Commit[]> {
    return Promise.all(Array.from({ length: count }, () => this.#commit(this.taken++)));
  }

  async #commit(n: number): Promise<Commit> {
    const { shards, eventsPerCommit: count } = this.#load;
    const streams = Math.ceil(assumed.streams / shards);
    const stream = `agent-${this.#number}x${n % streams}`;
    const version = this.#versions.get(stream) ?? 1;
    this.#versions.set(stream, version + count);
    const recordedAt = new Date(Date.UTC(2026, 0, 5) + n).toISOString();
    const events = Array.from({ length: count }, (_, index) => ({
      ...JSON.parse(this.#json),
      ...{ id: `01M87${this.#number}-${n}-${index}`, version: 1, timestamp: recordedAt, source: 'annals' },
    }));
    const types = ['agent.step-recorded'];
    return {
      ...{ stream, version, count, commitId: `${this.#number}-${n}`, keyed: false, recordedAt, types },
      body: await encodeEvents(events, 200),
    };
  }
}

function createRelay(cloud: Cloud, processor: Processor, partitioning: Partitioning): Relay {
  const { clock } = cloud;
  const bridge = {
    send: async ({ input }: PutEventsCommand): Promise<PutEventsCommandOutput> => {
      const entries = input.Entries ?? [];
      await processor.work(assumed.requestCpuMs);
      await cloud.bus.take(entries.length);
      await clock.sleep(assumed.putEventsMs);
      return { $metadata: {}, Entries: entries.map((_, index) => ({ EventId: String(index) })), FailedEntryCount: 0 };
    },
  };
  const bus = new EventBus({ onHandlerError: () => {} });
  bus.addPublisher('eventbridge', new EventBridgePublisher(bridge, 'bus'));
  return new Relay({
    log: new LogWriter({
      catalogue,
      storage: new ModelledLog(cloud, processor),
      // The model loses no commits. The writer only checks that log and commits belong together, and damage is no objection.
      commits: {
        read: () => {
          throw new CorruptDataError('the model keeps no commits');
        },
      },
      ...partitioning,
      pause: (ms) => clock.sleep(ms),
    }),
    publication: new Publication({
      catalogue,
      bus,
      policy: { attempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
      parked: new ParkedStreams(new MemoryViewStore(), BUS),
      onParked: () => {},
    }),
  });
}

/** Lambda at a shard: delivers batches in sequence. */
async function poll(cloud: Cloud, shard: Shard, setup: RelaySetup, count: (done: number, delayMs: number) => void) {
  const { clock } = cloud;
  const processor = new Processor(clock, setup.memoryMegabytes);
  const relay = createRelay(cloud, processor, setup.partitioning);
  const most = Math.min(setup.batchSize, assumed.mostCommits);
  for (;;) {
    const first = shard.arrival(shard.taken);
    await clock.sleepUntil(Math.min(first + setup.windowMs, shard.arrival(shard.taken + most)));
    const commits = await shard.take(Math.max(1, Math.min(most, shard.available(clock.now))));
    await clock.sleep(assumed.invokeMs);
    const events = commits.reduce((sum, commit) => sum + commit.count, 0);
    await processor.work(events * assumed.eventCpuMs);
    const failures = await relay.relay(commits);
    if (failures[0]) throw failures[0].error;
    count(commits.length, clock.now - first);
  }
}

/** Runs relays with a load. They run the real code, up to the clients of the AWS SDK. */
export async function modelRelay(setup: RelaySetup, load: Load): Promise<RelayFigures> {
  const cloud = new Cloud();
  let done = 0;
  const delays: number[] = [];
  const count = (commits: number, delayMs: number) => {
    if (cloud.clock.now < WARM_UP * 1_000) return;
    done += commits;
    delays.push(delayMs);
  };
  for (let shard = 0; shard < load.shards; shard++) {
    void poll(cloud, new Shard(shard, load, setup.windowMs), setup, count).catch((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }
  await cloud.clock.runUntil(WARM_UP * 1_000);
  const [puts, lost] = [cloud.puts, cloud.lost];
  await cloud.clock.runUntil((WARM_UP + load.seconds) * 1_000);
  return {
    commitsPerSecond: Math.round(done / load.seconds),
    lostPuts: (cloud.lost - lost) / Math.max(1, cloud.puts - puts),
    delayMs: delays.toSorted((a, b) => a - b)[delays.length >> 1] ?? Number.NaN,
  };
}
