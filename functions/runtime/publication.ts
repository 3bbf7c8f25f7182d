import application from '#application';
import { eventBridge } from '../../adapters/aws/clients/clients.ts';
import { EventBridgePublisher } from '../../adapters/aws/eventbridge/publisher.ts';
import { type RetryPolicy, retryPolicyOf } from '../../core/base/retry.ts';
import { EventBus } from '../../core/bus/event-bus.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import { BUS, ParkedStreams } from '../../core/publishing/parked-streams.ts';
import { Publication } from '../../core/publishing/publication.ts';
import { meteredPublisher } from '../../core/telemetry/metered.ts';
import { traceOf } from '../../core/telemetry/traced.ts';
import { lines, metrics, settings } from './stage.ts';

const { catalogue } = application;

/**
 * The retries of an event before its stream is parked: as many as the settings say, with shorter pauses, because an
 * invocation has a minute for its whole batch, and the shard waits behind it. An outage of a service parks nothing: Lambda
 * pauses and delivers the batch again.
 */
export function withinInvocation(): RetryPolicy {
  const { attempts, initialDelayMs, maxDelayMs } = retryPolicyOf(settings);
  return { attempts, initialDelayMs: Math.min(initialDelayMs, 1_000), maxDelayMs: Math.min(maxDelayMs, 2_000) };
}

/** Creates the publication to a bus. Streams that cannot be published get a mark in `views`. */
export function createPublication(name: string, views: ViewStore): Publication {
  const bus = new EventBus({
    onHandlerError: lines.subscriberFailed,
  });
  const publisher = new EventBridgePublisher(eventBridge(), name, { traceOf, format: settings.bus.format });
  const countedSources = settings.monitoring.counted_sources;
  bus.addPublisher('eventbridge', meteredPublisher(publisher, metrics, { countedSources, catalogue }));
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
