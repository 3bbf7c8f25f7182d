import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import type { Span, Trace } from '../../core/telemetry/trace-tree.ts';
import { route } from '../http/route.ts';

const span: z.ZodType<Span> = z
  .strictObject({
    name: z.string(),
    id: z.string(),
    startedAt: z.iso.datetime(),
    durationMs: z.number().nonnegative(),
    outcome: z.enum(['ok', 'error', 'fault']).describe('error: a fault of the caller, fault: a fault of the server'),
    attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    children: z.array(z.lazy(() => span)).describe('The spans of the work that this span caused'),
  })
  .meta({ id: 'Span' });

const trace = z.strictObject({
  traceId: z.string(),
  durationMs: z.number().nonnegative().describe('Up to the end of the last work that the request caused'),
  spans: z.array(span).readonly(),
});

/** The parts that the routes of traces need: the collector in the same process. */
export interface TraceDeps {
  readonly tracesOf: (correlationId: string) => readonly Trace[];
}

/** Only where one process sees all spans; on AWS they are in X-Ray, under `annotation.correlation_id`. */
export const traceQueries = [
  route({
    name: 'getTraces',
    method: 'GET',
    path: '/traces/{correlationId}',
    summary: 'The work that the requests of a conversation caused, as a tree with durations',
    description: 'Kept in memory: the newest 1,000 traces since the server started.',
    params: z.object({ correlationId: id }),
    answer: z.strictObject({ correlationId: id, traces: z.array(trace) }),
    statuses: { 200: 'The traces; empty when none are kept' },
    async handle({ params: { correlationId } }, deps: TraceDeps) {
      return { status: 200, body: { correlationId, traces: [...deps.tracesOf(correlationId)] } };
    },
  }),
];
