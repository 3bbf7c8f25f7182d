import type { Metrics } from '../../core/telemetry/metrics.ts';
import type { Tracer } from '../../core/telemetry/tracer.ts';
import { problemOf } from './problem.ts';

/** A request that a route handles. */
export interface ObservedRequest {
  /** The declared route: `POST /agents/{agentId}/steps`. */
  readonly route: string;
  readonly correlationId: string;
  /** `X-Amzn-Trace-Id`, when the caller is part of a trace. */
  readonly traceHeader: string | undefined;
}

/** Runs the work of a request, and observes its time and its end. */
export type RequestObserver = <A extends { readonly status: number }>(
  request: ObservedRequest,
  work: () => Promise<A>,
) => Promise<A>;

const isCallersError = (error: unknown): boolean => problemOf(error).status < 500;

/** Requests as spans: root spans on one machine, and on AWS parts of the span that Lambda records. */
export function requestObserver(tracer: Tracer, metrics: Metrics, host: 'server' | 'function'): RequestObserver {
  return async ({ route, correlationId, traceHeader }, work) => {
    const options = { attributes: { route }, correlationId, isCallersError };
    const started = performance.now();
    let status = 500;
    try {
      const traced =
        host === 'server' ? tracer.service('annals', traceHeader, options, work) : tracer.part('annals', options, work);
      const answer = await traced;
      status = answer.status;
      return answer;
    } catch (error) {
      status = problemOf(error).status;
      throw error;
    } finally {
      const seconds = (performance.now() - started) / 1_000;
      metrics.observe('http_request_duration_seconds', { route, status: String(status) }, seconds);
    }
  };
}
