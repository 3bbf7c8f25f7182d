import * as z from 'zod';
import { NotFoundError, UnavailableError } from '../../../core/base/errors.ts';
import { type Catalogue, catalogueOf, type NewEvent } from '../../../core/events/catalogue.ts';
import { defineEvent } from '../../../core/events/define.ts';
import type { SubscriptionSettings } from '../../../core/events/subscription.ts';
import { EventLog } from '../../../core/log/log.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import { StateReader } from '../../../core/state/state-reader.ts';
import type { Commit } from '../../../core/store/commit.ts';
import type { ControlStore } from '../../../core/store/control-store.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { SubscriptionOperations } from '../../../core/subscriptions/operations.ts';
import { type Answer, Subscriptions } from '../../../core/subscriptions/subscriptions.ts';
import type { Delivery } from '../../../core/subscriptions/take.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { Random } from '../../../testing/simulation/random.ts';
import { MemoryControlStore } from '../memory-control.ts';
import { MemoryLogStorage } from '../memory-log.ts';

const event = (type: `${string}.${string}`, aggregateType: string) =>
  defineEvent({
    ...{ type, aggregateType, kind: 'domain', access: 'open', version: 1, description: 'An event of the simulation.' },
    ...{ data: z.strictObject({}), sensitive: [] },
  });
const events = [event('note.added', 'note'), event('note.read', 'note'), event('memo.added', 'memo')];
const catalogue: Catalogue = catalogueOf(events);

const NAME = 'simulated';
const START = Date.parse('2026-01-05T09:00:00.000Z');
const ACK_SECONDS = 30;
/** Consumers, each in a process of its own. */
const CONSUMERS = 3;
const STEPS = 60;

const filters: readonly [SubscriptionSettings['filter'], ...SubscriptionSettings['filter'][]] = [
  {},
  { types: ['note.added'] },
  { types: ['note.added', 'memo.added'] },
  { aggregateType: 'note' },
];

/** The number of times that each simulated case happened. */
export interface SubscriptionReport {
  events: number;
  deliveries: number;
  acked: number;
  refused: number;
  parked: number;
  crashes: number;
  changes: number;
  seeks: number;
}

interface Appended {
  readonly stream: string;
  readonly number: number;
  readonly type: string;
  readonly aggregateType: string;
  /** The first filter that may count for it. */
  readonly since: number;
}

/** Calls that fail, before or after they did their work, and take a random number of turns. */
function unreliable(
  control: ControlStore,
  random: Random,
  report: SubscriptionReport,
  weather: { isCalm: boolean },
): ControlStore {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let turns = random.from(0, 3); turns > 0; turns--) await Promise.resolve();
    const fails = !weather.isCalm && random.chance(0.04);
    if (fails) report.crashes += 1;
    if (fails && random.chance(0.5)) throw new UnavailableError('lost before the call');
    const result = await work();
    for (let turns = random.from(0, 3); turns > 0; turns--) await Promise.resolve();
    if (fails) throw new UnavailableError('lost after the call');
    // The client of a store repeats a request whose answer was lost, and its condition fails then.
    if (!weather.isCalm && result === true && random.chance(0.02)) return false as T;
    return result;
  };
  return {
    get: (...of) => around(() => control.get(...of)),
    put: (...of) => around(() => control.put(...of)),
    remove: (...of) => around(() => control.remove(...of)),
    writeTogether: (...of) => around(() => control.writeTogether(...of)),
    list: (...of) => around(() => control.list(...of)),
  };
}

/**
 * Runs producers, a relay, consumers in several processes and an operator from a seed, with calls that fail at any place.
 * @throws Error when an event is lost, overtakes an earlier event of its stream, is in two hands, or is done twice
 */
export async function simulateSubscriptions(seed: number): Promise<SubscriptionReport> {
  const world = new World(new Random(seed));
  await world.operate();
  for (let step = 0; step < STEPS; step++) {
    const actors = Array.from({ length: world.random.from(1, CONSUMERS) }, (_, index) => world.consume(index));
    if (world.random.chance(0.7)) actors.push(world.produce());
    if (world.random.chance(0.6)) actors.push(world.relay());
    if (world.random.chance(0.15)) actors.push(world.operate());
    await Promise.all(actors);
    world.now += world.random.from(0, world.random.chance(0.1) ? 60_000 : 5_000);
  }
  await world.finish();
  return world.report;
}

class World {
  readonly random: Random;
  readonly report: SubscriptionReport = {
    ...{ events: 0, deliveries: 0, acked: 0, refused: 0, parked: 0, crashes: 0, changes: 0, seeks: 0 },
  };
  now = START;
  readonly #weather = { isCalm: false };
  readonly #order: 'stream' | 'none';
  readonly #store: EventStore;
  readonly #storage = new MemoryCommitStorage();
  readonly #writer: LogWriter;
  readonly #processes: { subscriptions: Subscriptions; operations: SubscriptionOperations }[];
  readonly #appended: Appended[] = [];
  readonly #unlogged: Commit[] = [];
  readonly #filters: { filter: SubscriptionSettings['filter']; isAnswered: boolean }[] = [];
  /** How often each event was done, and whether it may have been done once more without an answer. */
  readonly #done = new Map<string, { times: number; maybe: number }>();
  /** The last delivery of each event, and when it ends. */
  readonly #held = new Map<string, { token: string; until: number }>();
  /** Deliveries whose consumer is slow, or has forgotten them. */
  readonly #late: Delivery[] = [];

  constructor(random: Random) {
    this.random = random;
    this.#order = random.chance(0.75) ? 'stream' : 'none';
    const now = () => new Date(this.now);
    this.#store = new EventStore(this.#storage, { catalogue, now });
    const logStorage = new MemoryLogStorage();
    const partitioning = random.chance(0.5)
      ? ({ strategy: 'single' } as const)
      : ({ strategy: 'sharded', shards: 3 } as const);
    this.#writer = new LogWriter({ storage: logStorage, catalogue, commits: this.#storage, now, ...partitioning });
    const items = new MemoryControlStore();
    const control = unreliable(items, random, this.report, this.#weather);
    this.#processes = Array.from({ length: CONSUMERS }, (_, process) => {
      let ids = 0;
      const parts = {
        ...{ store: this.#store, control, now, random: random.next },
        log: new EventLog({ storage: logStorage, catalogue, ...partitioning }),
        states: new StateReader({ store: this.#store }),
        newId: () => `${process}-${++ids}`,
      };
      const subscriptions = new Subscriptions(parts);
      return { subscriptions, operations: new SubscriptionOperations(subscriptions, parts) };
    });
  }

  async produce(): Promise<void> {
    const [type, aggregateType] = this.random.pick<readonly [string, string]>([
      ['note.added', 'note'],
      ['note.read', 'note'],
      ['memo.added', 'memo'],
    ]);
    const stream = `${aggregateType}-${this.random.from(1, 3)}`;
    const since = Math.max(
      0,
      this.#filters.findLastIndex(({ isAnswered }) => isAnswered),
    );
    const many = Array.from({ length: this.random.from(1, 3) }, () => ({ type, data: {} }) as unknown as NewEvent);
    const { toVersion } = await this.#store.append(stream, many, { expectedVersion: 'any' });
    for (let number = toVersion - many.length + 1; number <= toVersion; number++) {
      this.#appended.push({ stream, number, type, aggregateType, since });
      this.report.events += 1;
    }
    for await (const commit of this.#storage.read(stream, {
      ...{ from: toVersion, to: toVersion, direction: 'forward', startsCommit: false },
    })) {
      this.#unlogged.push(commit);
    }
  }

  /** Logs commits, as a rule some of them, and some of them again. */
  async relay(): Promise<void> {
    const some = this.#unlogged.splice(0, this.random.from(1, 6));
    await this.#writer.append(some);
    if (this.random.chance(0.1)) await this.#writer.append(some);
  }

  async consume(process: number): Promise<void> {
    const { subscriptions } = this.#process(process);
    const taken = await ignoring(subscriptions.take(NAME, { max: this.random.from(1, 6) }));
    for (const delivery of taken ?? []) this.#check(delivery);
    const answered = [...(taken ?? [])].filter((delivery) => {
      const isLate = this.random.chance(0.15);
      if (isLate) this.#late.push(delivery);
      return !isLate;
    });
    if (this.#late.length > 0 && this.random.chance(0.3)) answered.push(...this.#late.splice(0, 1));
    const answers = answered.map((delivery) => ({ delivery, answer: this.#answer(delivery) }));
    if (answers.length === 0) return;
    await this.#settle(subscriptions, answers);
    if (this.random.chance(0.1)) await this.#settle(subscriptions, answers); // an answer that is sent twice
  }

  async operate(): Promise<void> {
    const { operations } = this.#process(this.random.from(0, CONSUMERS - 1));
    if (this.#filters.length === 0 || this.random.chance(0.4)) return this.#put(operations);
    if (this.random.chance(0.3)) {
      this.report.seeks += 1;
      return void (await ignoring(operations.seek(NAME, 'start')));
    }
    await this.#redrive(operations);
  }

  /** Everything works again: all is redriven and acknowledged. Then every wanted event is done. */
  async finish(): Promise<void> {
    this.#weather.isCalm = true;
    while (this.#unlogged.length > 0) await this.relay();
    const { subscriptions, operations } = this.#process(0);
    for (let quiet = 0; quiet < 2; ) {
      this.now += (ACK_SECONDS + 120) * 1_000;
      await this.#redrive(operations);
      const taken = await subscriptions.take(NAME, { max: 10 });
      for (const delivery of taken) this.#check(delivery);
      const answers = taken.map((delivery) => ({
        delivery,
        answer: { token: delivery.token, action: 'ack' as const },
      }));
      await this.#settle(subscriptions, answers);
      quiet = taken.length === 0 ? quiet + 1 : 0;
    }
    for (const each of this.#appended) {
      const { times, maybe } = this.#doneOf(each);
      if (this.#isWanted(each) && times + maybe === 0) throw new Error(`${placeOf(each)} was never done`);
      if (this.#isUnwanted(each) && times > 0) throw new Error(`${placeOf(each)} was delivered and is not wanted`);
      if (times > 1 + this.report.seeks) throw new Error(`${placeOf(each)} was done ${times} times`);
    }
    const { inFlight, waiting, parked, lag } = await operations.status(NAME);
    if (inFlight + waiting + parked + lag.events > 0) throw new Error('something is left');
  }

  async #put(operations: SubscriptionOperations): Promise<void> {
    const filter = this.random.pick(filters);
    const entry = { filter, isAnswered: false };
    this.#filters.push(entry);
    this.report.changes += 1;
    const settings = { filter, order: this.#order, maxRetries: this.random.from(0, 2), ackWithinSeconds: ACK_SECONDS };
    for (let attempt = 0; !entry.isAnswered; attempt++) {
      const put = await ignoring(operations.put(NAME, { ...settings, shards: 3, from: 'start' }));
      // Changes run side by side: the last one counts, so each earlier one is over only when it cannot come back.
      entry.isAnswered = put !== undefined && this.#filters.at(-1) === entry;
      if (put !== undefined || attempt > 20) return;
    }
  }

  async #redrive(operations: SubscriptionOperations): Promise<void> {
    const page = await ignoring(operations.parked(NAME, { limit: 100 }));
    const ids = page?.parked.map(({ id }) => id) ?? [];
    this.report.parked += ids.length;
    if (ids.length > 0) await ignoring(operations.redrive(NAME, ids));
  }

  async #settle(
    subscriptions: Subscriptions,
    answers: readonly { readonly delivery: Delivery; readonly answer: Answer }[],
  ): Promise<void> {
    const ending = answers.filter(({ answer }) => answer.action === 'ack' || answer.action === 'skip');
    // Another consumer may get the next event, or this one again, before the answer is here.
    for (const { delivery } of answers) {
      const place = placeOf(delivery.event);
      if (this.#held.get(place)?.token === delivery.token) this.#held.delete(place);
    }
    for (const { delivery } of ending) this.#doneOf(delivery.event as unknown as Appended).maybe += 1;
    const result = await ignoring(
      subscriptions.settle(
        NAME,
        answers.map(({ answer }) => answer),
      ),
    );
    for (const { delivery, answer } of answers) {
      const isRefused = result?.refused.includes(answer.token);
      if (isRefused) this.report.refused += 1;
      if (!result || !ending.some((each) => each.answer === answer)) continue;
      const done = this.#doneOf(delivery.event as unknown as Appended);
      done.maybe -= 1;
      if (isRefused || this.#counted.has(answer.token)) continue;
      this.#counted.add(answer.token);
      done.times += 1;
      this.report.acked += 1;
      if (done.times > 1 + this.report.seeks) throw new Error(`${placeOf(delivery.event)} was done twice`);
    }
  }
  readonly #counted = new Set<string>();

  /** A delivery comes only when earlier events of its stream are done, and when nobody else has the event. */
  #check(delivery: Delivery): void {
    this.report.deliveries += 1;
    const { event, token } = delivery;
    const place = placeOf(event);
    const held = this.#held.get(place);
    if (held && held.until > this.now) throw new Error(`${place} is in two hands`);
    this.#held.set(place, { token, until: Date.parse(delivery.until) });
    if (this.#order === 'none') return;
    const stream = `${event.aggregateType}-${event.aggregateId}`;
    for (const earlier of this.#appended) {
      if (earlier.stream !== stream) continue;
      const other = this.#held.get(placeOf(earlier));
      if (other && other.token !== token && other.until > this.now)
        throw new Error(`two events of ${stream} are in flight`);
      if (earlier.number >= event.sequenceNumber || !this.#isWanted(earlier)) continue;
      const { times, maybe } = this.#doneOf(earlier);
      if (times + maybe === 0) throw new Error(`${place} overtook ${earlier.number}`);
    }
  }

  #answer({ token }: Delivery): Answer {
    const action = this.random.pick(['ack', 'ack', 'ack', 'ack', 'retry', 'retry', 'park', 'skip'] as const);
    return action === 'retry' ? { token, action, delayMs: this.random.from(0, 20_000) } : { token, action };
  }

  #process(index: number) {
    const found = this.#processes[index];
    if (!found) throw new Error('no such process');
    return found;
  }

  #doneOf(of: Pick<Appended, 'stream' | 'number'> | Delivery['event']) {
    const place = placeOf(of);
    const known = this.#done.get(place) ?? { times: 0, maybe: 0 };
    this.#done.set(place, known);
    return known;
  }

  /** Whether every filter that may count for an event wants it. */
  #isWanted(each: Appended): boolean {
    return this.#filters.slice(each.since).every(({ filter }) => wants(filter, each));
  }

  /** Whether no filter that may count for an event wants it. */
  #isUnwanted(each: Appended): boolean {
    return this.#filters.slice(each.since).every(({ filter }) => !wants(filter, each));
  }
}

const wants = ({ types, aggregateType }: SubscriptionSettings['filter'], each: Appended): boolean =>
  (types?.includes(each.type) ?? true) && (aggregateType === undefined || aggregateType === each.aggregateType);

const placeOf = (of: Pick<Appended, 'stream' | 'number'> | Delivery['event']): string =>
  'stream' in of ? `${of.stream}#${of.number}` : `${of.aggregateType}-${of.aggregateId}#${of.sequenceNumber}`;

/** The result of a call; undefined when its answer was lost, or nothing was there. @throws every other error */
async function ignoring<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof UnavailableError || error instanceof NotFoundError) return undefined;
    throw error;
  }
}
