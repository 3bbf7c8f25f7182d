import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { handleWhen, retry } from 'cockatiel';
import { politeBackoff, retryAfterMs } from '../../client/backoff.ts';
import type { Logger } from '../../core/base/log-lines.ts';
import type { Metrics } from '../../core/telemetry/metrics.ts';
import { newTrace, traceHeaderOf } from '../../core/telemetry/trace-header.ts';
import type { SegmentDocument } from '../../core/telemetry/tracer.ts';
import { exportRequest } from './otlp-spans.ts';
import type { TraceEndpoint } from './trace-endpoint.ts';

/** Most spans that wait: some 8 MB. While the collector is away, the oldest make room for the newest. */
const MAX_WAITING = 8_192;
/** Most spans in a request. */
const BATCH = 512;
/** Time between two looks at the waiting spans, milliseconds. */
const INTERVAL_MS = 500;
/** Time limit of one attempt, milliseconds: the default of OpenTelemetry. */
const TIMEOUT_MS = 10_000;
/** First and longest pause between attempts, milliseconds, unless the collector asks for a longer one. */
const PAUSES = { initialDelayMs: 200, maxDelayMs: 2_000 };
/** Longest time that {@link TraceExporter.close} waits, milliseconds. */
const CLOSING_MS = 3_000;
/** Answers after which OTLP repeats a request. */
const REPEATED: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The collector answered, and did not take the spans. */
class NotTakenError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor({ status, headers }: Response) {
    super(`the collector answered ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs(headers.get('retry-after'));
  }
}

/** What {@link TraceExporter} reports to. */
export interface ExportReports {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Sends spans to a collector of OpenTelemetry by OTLP over HTTP. No request waits for it: spans wait in a bounded queue,
 * and leave it in batches, one at a time. A batch is repeated until the collector takes or refuses it. Spans that do not
 * arrive are counted, and the log says once that they do not.
 */
export class TraceExporter {
  readonly #endpoint: TraceEndpoint;
  readonly #reports: ExportReports;
  readonly #giveUp = new AbortController();
  /** No pause keeps a process alive that has closed. */
  readonly #untilAnswered = retry(handleWhen(isTransient), { backoff: politeBackoff(PAUSES) }).dangerouslyUnref();
  readonly #timer: NodeJS.Timeout;
  #waiting: SegmentDocument[] = [];
  #sending: Promise<void> | undefined;
  #failing = false;

  constructor(endpoint: TraceEndpoint, reports: ExportReports) {
    this.#endpoint = endpoint;
    this.#reports = reports;
    this.#untilAnswered.onRetry((failed) => this.#noteFailure('error' in failed ? failed.error : undefined));
    // The timer starts outside of every request, so the sending is part of no trace and of no caller's work.
    this.#timer = setInterval(() => void this.#sendAll(), INTERVAL_MS).unref();
  }

  /** Takes a span. Never throws or waits. */
  readonly send = (segment: SegmentDocument): void => {
    if (this.#waiting.length === MAX_WAITING) {
      this.#waiting.shift();
      this.#count('dropped', 1);
    }
    this.#waiting.push(segment);
  };

  /** Sends the waiting spans, for at most 3 s. Drops and counts what is left then. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const sent = this.#sendAll();
    const closed = new AbortController();
    await Promise.race([sent, sleep(CLOSING_MS, undefined, { signal: closed.signal }).catch(() => {})]);
    closed.abort();
    this.#giveUp.abort();
    this.#count('dropped', this.#waiting.splice(0).length);
  }

  #sendAll(): Promise<void> {
    this.#sending ??= this.#sendBatches().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendBatches(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#sendBatch(batch);
        this.#count('sent', batch.length);
        if (this.#failing) this.#reports.logger.warn('traces reach the collector again', this.#place);
        this.#failing = false;
      } catch (error) {
        this.#count('dropped', batch.length);
        this.#noteFailure(error);
      }
    }
  }

  async #sendBatch(batch: readonly SegmentDocument[]): Promise<void> {
    const body = await promisify(gzip)(await exportRequest(batch, this.#endpoint.serviceName));
    await this.#untilAnswered.execute(() => this.#post(body), this.#giveUp.signal);
  }

  async #post(body: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = new Headers(this.#endpoint.headers);
    headers.set('Content-Type', 'application/x-protobuf');
    headers.set('Content-Encoding', 'gzip');
    // An Annals at the other end records no trace of this request. It may be this server.
    headers.set('X-Amzn-Trace-Id', traceHeaderOf({ ...newTrace(Date.now()), sampled: false }));
    const signal = AbortSignal.any([this.#giveUp.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(this.#endpoint.url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    await response.body?.cancel();
    if (!response.ok) throw new NotTakenError(response);
  }

  /** Logs the first failure after a success. */
  #noteFailure(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#reports.logger.warn('traces do not reach the collector', { ...this.#place, reason: reasonOf(error) });
  }

  /** Without path and query, because they may have a key. */
  get #place() {
    return { collector: this.#endpoint.url.origin };
  }

  #count(outcome: 'sent' | 'dropped', spans: number): void {
    if (spans > 0) this.#reports.metrics.count('exported_spans_total', { outcome }, spans);
  }
}

/** No answer, or an answer that asks for another attempt. */
const isTransient = (error: unknown): boolean => !(error instanceof NotTakenError) || REPEATED.has(error.status);

/** The status or the code of the system: `ECONNREFUSED`. */
function reasonOf(error: unknown): string {
  if (error instanceof NotTakenError) return error.message;
  const { cause } = error instanceof Error ? error : { cause: undefined };
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'no answer';
}
