import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../../core/base/log-lines.ts';
import { ulids } from '../../../core/base/new-id.ts';
import { SUBSCRIPTION_STREAMS } from '../../../core/events/subscription.ts';
import { SubscriptionOperations } from '../../../core/subscriptions/operations.ts';
import { Push } from '../../../core/subscriptions/push.ts';
import { PushTargets } from '../../../core/subscriptions/push-targets.ts';
import { type SubscriptionParts, Subscriptions } from '../../../core/subscriptions/subscriptions.ts';
import { Webhooks } from '../../web/webhook.ts';
import { sqliteCheckpoint } from '../sqlite/checkpoint.ts';
import type { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { Consumer } from './consumer.ts';

/** The stores and settings of a {@link PushEngine}. */
export interface PushEngineOptions extends Omit<SubscriptionParts, 'newId'> {
  readonly commits: SqliteCommitStorage;
  /** Keeps the checkpoint. */
  readonly database: DatabaseSync;
  readonly logger: Logger;
  /** Whether pushes may go to private addresses, and without TLS. */
  readonly allowPrivate: boolean;
}

/** Longest wait of a take, milliseconds. New events end it at once. */
const WAIT_MS = 20_000;
const PAUSE_AFTER_FAILURE_MS = 1_000;
/** Commits looked at in one step. Their bodies are not read. */
const BATCH = 1_000;
const PREFIX = `${SUBSCRIPTION_STREAMS}-`;

/** The pushing of a subscription. */
interface Pump {
  /** Whether the subscription changed since the last look at it. */
  isChanged: boolean;
  /** Ends a rest. */
  woken: PromiseWithResolvers<void>;
}

/** Pushes the events of subscriptions on the embedded engine: a loop for each subscription that pushes. */
export class PushEngine {
  readonly #subscriptions: Subscriptions;
  readonly #targets: PushTargets;
  readonly #webhooks: Webhooks;
  readonly #push: Push;
  readonly #consumer: Consumer;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  readonly #pumps = new Map<string, Pump>();
  readonly #running = new Set<Promise<void>>();

  constructor({ commits, database, logger, allowPrivate, ...given }: PushEngineOptions) {
    const parts = { ...given, newId: ulids() };
    this.#logger = logger;
    this.#subscriptions = new Subscriptions(parts);
    this.#targets = new PushTargets(parts.control);
    this.#webhooks = new Webhooks({ allowPrivate });
    const operations = new SubscriptionOperations(this.#subscriptions, parts);
    const push = { subscriptions: this.#subscriptions, targets: this.#targets, operations, logger };
    this.#push = new Push({ ...push, sender: this.#webhooks });
    this.#consumer = new Consumer({
      name: 'the push of subscriptions',
      commits: {
        lastPosition: () => commits.lastPosition(),
        commitsAfter: (position, limit) => commits.placesAfter(position, limit),
      },
      checkpoint: sqliteCheckpoint(database, ['push']),
      logger,
      batchSize: BATCH,
      apply: async (batch) => {
        for (const { commit } of batch)
          if (commit.stream.startsWith(PREFIX)) this.#wakeOne(commit.stream.slice(PREFIX.length));
      },
    });
  }

  /** Starts to push. */
  start(): void {
    this.#consumer.start();
    this.#track(this.#startAll());
  }

  /** Makes the engine look for new commits. */
  wake(): void {
    this.#consumer.wake();
  }

  /** Ends what is under way: its events are sent again after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#consumer.close();
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#webhooks.close();
  }

  async #startAll(): Promise<void> {
    for await (const name of this.#targets.names()) this.#wakeOne(name);
  }

  #wakeOne(name: string): void {
    const known = this.#pumps.get(name);
    if (known) {
      known.isChanged = true;
      known.woken.resolve();
      this.#subscriptions.wake(name);
      return;
    }
    const pump = { isChanged: false, woken: Promise.withResolvers<void>() };
    this.#pumps.set(name, pump);
    this.#track(this.#run(name, pump));
  }

  #track(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  async #run(name: string, pump: Pump): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      pump.isChanged = false;
      pump.woken = Promise.withResolvers();
      let pause = 0;
      try {
        const run = await this.#push.run(name, { waitMs: WAIT_MS, signal });
        if (!run && !pump.isChanged) break;
        pause = run ? run.notBefore - Date.now() : 0;
      } catch (error) {
        pause = PAUSE_AFTER_FAILURE_MS;
        this.#logger.error('a subscription cannot push, and is tried again', { subscription: name, error });
      }
      if (pause <= 0) continue;
      const over = new AbortController();
      const ends = AbortSignal.any([signal, over.signal]);
      await Promise.race([delay(pause, undefined, { signal: ends }).catch(() => {}), pump.woken.promise]);
      over.abort();
    }
    this.#pumps.delete(name);
  }
}
