import { CommandRejectedError, CorruptDataError, NotFoundError } from '../base/errors.ts';
import { firstMoment, instant, isoOf } from '../events/instant.ts';
import {
  type PushTarget,
  type StartPlace,
  SUBSCRIPTION_STREAMS,
  type SubscriptionSettings,
} from '../events/subscription.ts';
import { type CommandOptions, handleCommand } from '../state/decider.ts';
import {
  type Definition,
  noSubscription,
  type SubscriptionCommand,
  type SubscriptionState,
  subscription,
} from './decider.ts';
import { PushTargets } from './push-targets.ts';
import { type Shard, toParked } from './shard.ts';
import type { SubscriptionParts, Subscriptions } from './subscriptions.ts';
import { logFilter, totalAt } from './take.ts';
import { shardOf, streamOfKey } from './work-key.ts';

/** A request for a subscription. */
export interface SubscriptionRequest extends Omit<SubscriptionSettings, 'push'> {
  /** Where to push; without a secret the present secret stays, or one is made. */
  readonly push?: (PushTarget & { readonly secret?: string | undefined }) | undefined;
  readonly shards?: number | undefined;
  /** `start`, `end`, an instant or a position of the log; counts at the creation. */
  readonly from: string;
}

/** The present state of a subscription. */
export interface SubscriptionStatus {
  readonly definition: Definition;
  /** The log is read up to here by the shard that is furthest behind; undefined at the beginning. */
  readonly position: string | undefined;
  /** Running deliveries. */
  readonly inFlight: number;
  /** Streams with events that are read and wait: for a delivery, a retry, or the end of a delivery. */
  readonly waiting: number;
  /** Parked streams; with order `none`, parked events. */
  readonly parked: number;
  /** Events of the filter that are not read yet; `more` when it is only the count of the next ones. */
  readonly lag: { readonly events: number; readonly more: boolean };
}

type Options = Omit<CommandOptions, 'states'>;

/** Events that each shard counts for the lag at most. */
const MAX_COUNTED = 500;

/** What operators do with subscriptions: define, look, move, redrive, skip and remove. A repeat of each continues it. */
export class SubscriptionOperations {
  readonly #subscriptions: Subscriptions;
  readonly #parts: SubscriptionParts;
  readonly #targets: PushTargets;

  constructor(subscriptions: Subscriptions, parts: SubscriptionParts) {
    this.#subscriptions = subscriptions;
    this.#parts = parts;
    this.#targets = new PushTargets(parts.control);
  }

  /**
   * Creates a subscription or changes its settings. From the answer on, events that are recorded later are judged by these
   * settings; what was read under earlier ones is still delivered.
   * @returns also the secret of its push, if this call made it: it is shown once
   * @throws CommandRejectedError for other shards or another order
   * @throws ValidationError for a `from` that is no place in the log
   */
  async put(
    name: string,
    { shards, from, push, ...others }: SubscriptionRequest,
    options: Options = {},
  ): Promise<{ readonly definition: Definition; readonly isNew: boolean; readonly secret?: string | undefined }> {
    const state = await this.#subscriptions.state(name);
    const before = state.definition;
    const settings = { ...others, ...(push && { push: { url: push.url } }) };
    const start = before ? before.start : await this.#place(from);
    const command = { kind: 'put', settings, shards, start } as const;
    // A request that is refused changes no secret.
    subscription.decide(state, command, { id: name, now: (this.#parts.now?.() ?? new Date()).toISOString() });
    // The secret is there before the event, at which the pushing begins.
    const secret = push && (await this.#targets.set(name, push.secret));
    const definition = await this.#command(name, command, options);
    if (!push) await this.#targets.remove(name);
    await this.#takeOver(definition);
    return { definition, isNew: definition.created !== before?.created, secret };
  }

  /**
   * Moves a subscription to another place in the log. Nothing is dropped: what is in flight, waits or is parked stays so, and
   * is delivered besides the events from the place on.
   */
  async seek(name: string, to: string, options: Options = {}): Promise<SubscriptionStatus> {
    await this.#subscriptions.definition(name);
    const definition = await this.#command(name, { kind: 'seek', start: await this.#place(to) }, options);
    await this.#takeOver(definition);
    return this.status(name);
  }

  /** The state of a subscription. Other processes may change it meanwhile. */
  async status(name: string): Promise<SubscriptionStatus> {
    const definition = await this.#subscriptions.definition(name);
    const now = (this.#parts.now?.() ?? new Date()).getTime();
    const all = Array.from({ length: definition.shards }, (_, index) => this.#shard(definition, index));
    const shards = await Promise.all(all);
    const work = shards.flatMap(({ shard }) => shard.content.work);
    const inFlight = work.filter(({ delivery }) => delivery && delivery[2] > now).length;
    const positions = shards.map(({ shard }) => shard.content.position ?? undefined);
    return {
      definition,
      position: positions.toSorted((a, b) => totalAt(a) - totalAt(b))[0],
      inFlight,
      waiting: work.length - inFlight,
      parked: shards.reduce((sum, { shard }) => sum + shard.content.parked, 0),
      lag: {
        events: shards.reduce((sum, { events }) => sum + events, 0),
        more: shards.some(({ more }) => more),
      },
    };
  }

  /** Parked streams in the order of their ids. */
  async parked(name: string, page: { readonly limit: number; readonly after?: string | undefined }) {
    const { parked, next } = await this.#subscriptions.shards.listParked(
      await this.#subscriptions.definition(name),
      page,
    );
    return { parked: parked.map(toParked), next };
  }

  /**
   * Lets parked streams be delivered again, in order from the parked event on, with all retries.
   * @param ids 1 to 100 ids of {@link parked}
   * @returns the ids that were parked
   */
  async redrive(name: string, ids: readonly string[], options: Options = {}): Promise<readonly string[]> {
    const { shards } = this.#subscriptions;
    const definition = await this.#subscriptions.definition(name);
    const parked: string[] = [];
    for (const id of new Set(ids)) if (await shards.parked(definition, id)) parked.push(id);
    if (parked.length === 0) return [];
    await this.#handle(name, { kind: 'redrive', parked }, options);
    for (const id of parked) await this.#unpark(definition, id);
    this.#subscriptions.wake(name);
    return parked;
  }

  /**
   * Gives up a parked event. The later events of its stream are delivered.
   * @throws NotFoundError when nothing is parked under the id
   * @throws CommandRejectedError when another event of the stream is parked
   */
  async skip(
    name: string,
    { id, sequenceNumber, reason }: { readonly id: string; readonly sequenceNumber: number; readonly reason: string },
    options: Options = {},
  ): Promise<void> {
    const definition = await this.#subscriptions.definition(name);
    const found = await this.#subscriptions.shards.parked(definition, id);
    if (!found) {
      throw new NotFoundError(
        `${id} is not parked in subscription ${name}; GET /subscriptions/${name}/parked lists what is`,
      );
    }
    const parked = toParked(found);
    if (parked.sequenceNumber !== sequenceNumber) {
      throw new CommandRejectedError(
        `event ${parked.sequenceNumber} of ${parked.stream} is parked, not ${sequenceNumber}`,
      );
    }
    await this.#handle(name, { kind: 'skip', parked: id, sequenceNumber, reason }, options);
    await this.#unpark(definition, id, sequenceNumber);
    this.#subscriptions.wake(name);
  }

  /** Stops to push, until the next PUT. A repeat changes nothing. */
  async pause(name: string, reason: string): Promise<void> {
    await this.#handle(name, { kind: 'pause', reason }, {});
  }

  /** Ends a subscription. What is in flight can no longer be acknowledged. A repeat removes what an interrupted call left. */
  async remove(name: string, options: Options = {}): Promise<void> {
    const before = await this.#subscriptions.state(name);
    if (before.events === 0) throw noSubscription(name);
    const { events } = before.definition ? await this.#handle(name, { kind: 'remove' }, options) : before;
    await this.#subscriptions.shards.clear(name, events);
    await this.#targets.remove(name);
    this.#subscriptions.wake(name);
  }

  async #unpark(definition: Definition, id: string, skipped?: number): Promise<boolean> {
    const shard = shardOf(streamOfKey(id), definition.shards);
    return this.#subscriptions.shards.change(definition, shard, async ({ shard, parked }) => {
      const found = await parked(id);
      if (!found) return false;
      const first = toParked(found).sequenceNumber;
      if (skipped !== undefined && skipped !== first) return false;
      shard.unpark(found, skipped);
      return true;
    });
  }

  async #shard(definition: Definition, index: number): Promise<{ shard: Shard; events: number; more: boolean }> {
    const shard = await this.#subscriptions.shards.read(definition, index);
    if (!shard) return this.#shard(await this.#subscriptions.definition(definition.name), index);
    const { position } = shard.content;
    const options = { ...logFilter(definition), limit: MAX_COUNTED };
    // At a damaged place the positions are what an operator needs: the place counts as events that follow.
    const { events, caughtUp } = await this.#parts.log
      .getEventsAfter(position ?? undefined, options)
      .catch((error: unknown) => {
        if (error instanceof CorruptDataError) return { events: [], caughtUp: false };
        throw error;
      });
    const isOfShard = ({ aggregateType, aggregateId }: (typeof events)[number]) =>
      aggregateType !== SUBSCRIPTION_STREAMS && shardOf(`${aggregateType}-${aggregateId}`, definition.shards) === index;
    return { shard, events: events.filter(isOfShard).length, more: !caughtUp };
  }

  /** Lets every shard take over the definition, so that it counts when the caller has the answer. */
  async #takeOver(definition: Definition): Promise<void> {
    const indexes = Array.from({ length: definition.shards }, (_, index) => index);
    await Promise.all(
      indexes.map((index) => this.#subscriptions.shards.change(definition, index, () => Promise.resolve())),
    );
    this.#subscriptions.wake(definition.name);
  }

  async #place(text: string): Promise<StartPlace> {
    if (text === 'start') return {};
    if (text === 'end') return { after: await this.#parts.log.end() };
    if (instant.safeParse(text).success) return { from: isoOf(firstMoment(text)) };
    await this.#parts.log.getEventsAfter(text, { limit: 1 });
    return { after: text };
  }

  async #command(name: string, command: SubscriptionCommand, options: Options): Promise<Definition> {
    const { definition } = await this.#handle(name, command, options);
    return definition ?? this.#subscriptions.definition(name);
  }

  async #handle(name: string, command: SubscriptionCommand, options: Options): Promise<SubscriptionState> {
    const { states, store, now } = this.#parts;
    const all = { ...options, states, ...(now && { now }) };
    return (await handleCommand(store, subscription, name, command, all)).state;
  }
}
