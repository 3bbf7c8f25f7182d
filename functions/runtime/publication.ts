import { eventBridge } from '../../adapters/aws/clients/clients.ts';
import { EventBridgePublisher } from '../../adapters/aws/eventbridge/publisher.ts';
import { type RetryPolicy, retryPolicyOf } from '../../core/base/retry.ts';
import { EventBus } from '../../core/bus/event-bus.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import { BUS, ParkedStreams } from '../../core/publishing/parked-streams.ts';
import { Publication } from '../../core/publishing/publication.ts';
import { meteredPublisher } from '../../core/telemetry/metered.ts';
import { traceOf } from '../../core/telemetry/traced.ts';
import { catalogue } from '../../events/catalogue.ts';
import { lines, metrics, settings } from './stage.ts';

/**
 * Attempts at an event before its stream is parked: as many as the configuration says, with shorter pauses, for an invocation
 * has a minute for its whole batch, and everything behind it in the shard waits. An outage of a service is no event's fault:
 * Lambda delivers the batch again, after pauses of its own, and nothing is parked.
 */
export function withinInvocation(): RetryPolicy {
  const { attempts, initialDelayMs, maxDelayMs } = retryPolicyOf(settings);
  return { attempts, initialDelayMs: Math.min(initialDelayMs, 1_000), maxDelayMs: Math.min(maxDelayMs, 2_000) };
}

/** Publication to the bus of this name; streams that cannot be published are marked in `views`. */
export function publicationTo(name: string, views: ViewStore): Publication {
  const bus = new EventBus({
    onHandlerError: lines.subscriberFailed,
  });
  const publisher = new EventBridgePublisher(eventBridge(), name, { traceOf });
  bus.addPublisher('eventbridge', meteredPublisher(publisher, metrics, settings.monitoring.counted_sources));
  return new Publication({
    catalogue,
    bus,
    policy: withinInvocation(),
    parked: new ParkedStreams(views, BUS),
    onParked: (stream, parked) => {
      metrics.count('dead_letters_total', { projection: 'bus' });
      lines.parkedByBus(stream, parked);
    },
  });
}
