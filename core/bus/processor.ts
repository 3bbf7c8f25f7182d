import type { DomainEvent, EventType } from '../../events/catalogue.ts';
import { defaultRetryPolicy, type RetryPolicy, withRetry } from '../base/retry.ts';
import type { EventBus, Subscription } from './event-bus.ts';

/** Something that reacts to events, one at a time. */
export interface EventProcessor<T extends EventType = EventType> {
  readonly name: string;
  /** The types it handles, or all of them. */
  readonly types: readonly T[] | '*';
  process(event: DomainEvent<T>): Promise<void>;
  /** Called when the last attempt failed, so that the event is parked and not lost. */
  onFailure(event: DomainEvent<T>, error: unknown): Promise<void>;
}

/** Subscribes a processor to the bus, each event with retries. Unsubscribing stops new events, not the one in work. */
export function startProcessor<T extends EventType>(
  bus: EventBus,
  processor: EventProcessor<T>,
  policy: RetryPolicy = defaultRetryPolicy,
): Subscription {
  const wanted: ReadonlySet<string> | undefined = processor.types === '*' ? undefined : new Set(processor.types);
  return bus.subscribe('*', async (event) => {
    if (wanted && !wanted.has(event.type)) return;
    const own = event as DomainEvent<T>;
    try {
      await withRetry(policy, () => processor.process(own));
    } catch (error) {
      await processor.onFailure(own, error);
    }
  });
}
