import type { Logger } from '../core/base/log-lines.ts';
import type { Clock } from '../core/events/clock.ts';
import type { JsonObject } from '../core/events/json.ts';
import type { EventStreamOptions } from '../core/log/event-stream.ts';
import type { LoggedEvent } from '../core/log/slice.ts';
import type { ProjectionOf } from '../core/projections/projection.ts';
import type { AnySharedProjection } from '../core/projections/shared-projection.ts';
import type { Streams } from './streams.ts';

/** Settings of `openAnnals`. */
export interface OpenOptions {
  /** Path of the data folder, which is created when it does not exist. One process at a time has it open. */
  readonly dataDir: string;
  /** Receives warnings and errors of the work behind the calls; standard error by default. */
  readonly logger?: Logger;
  /** Sends the traces of the application to a collector of OpenTelemetry; by default they stay in memory. */
  readonly traces?: TracesTarget;
}

/** A collector of OpenTelemetry, for {@link OpenOptions}. */
export interface TracesTarget {
  /** The whole URL, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Sent with each request, for example for authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The attribute `service.name` of the traces; `annals` by default. */
  readonly serviceName?: string;
}

/** A view of one stream, and the version of the stream that it shows. */
export type VersionedView<View> = View & { readonly version: number };

/** The moment of a view: the newest when nothing is said, or one of these. */
export interface ViewMoment {
  /** The view right after this event of its stream. */
  readonly version?: number;
  /** The view at this instant, ISO 8601. */
  readonly at?: string;
  /** The clock of `at`: `recorded`, the default, is when an event was stored, `happened` when it took place. */
  readonly clock?: Clock;
  /** Waits up to 10 s until the view has this version of its stream, such as that of a command's result. */
  readonly waitFor?: number;
}

/** A page of {@link OpenAnnals.views}. */
export interface ViewsPage<View> {
  readonly views: readonly VersionedView<View>[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
}

/** An open application. Views follow the events, and sagas run, until it is closed. */
export interface OpenAnnals extends Streams {
  /** A view of a stream. @throws NotFoundError, ViewBehindError */
  view<View extends object>(
    projection: ProjectionOf<View>,
    id: string,
    moment?: ViewMoment,
  ): Promise<VersionedView<View>>;
  /** A view that many streams feed; with `at`, that of the past. @throws NotFoundError */
  sharedView(
    projection: AnySharedProjection,
    key: string,
    moment?: Pick<ViewMoment, 'at' | 'clock'>,
  ): Promise<JsonObject>;
  /** A page of the views of a projection, of one group or of all. `limit` is 100 by default. */
  views<View extends object>(
    projection: ProjectionOf<View>,
    page?: { readonly group?: string; readonly limit?: number; readonly cursor?: string },
  ): Promise<ViewsPage<View>>;
  /**
   * Follows the log: every event after a position, once and in order, then new events. Leaving the loop ends it, and so
   * does `signal`.
   */
  follow(options?: EventStreamOptions): AsyncIterable<LoggedEvent>;
  /**
   * Serves the HTTP API on 127.0.0.1 too, until the application is closed.
   * @param options `port` is 0 for any free port
   * @throws StartupError when the port cannot be used
   */
  listen(options: { readonly port: number }): Promise<{ readonly url: string }>;
  /** Finishes current work and closes the data folder. The next opening goes on with the rest. */
  close(): Promise<void>;
}
