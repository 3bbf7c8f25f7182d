import * as z from 'zod';
import { defineEvent } from '../core/events/define.ts';
import { id } from '../core/events/envelope.ts';
import { jsonObject } from '../core/events/json.ts';

/** Most spans of one event. */
export const MAX_SPANS = 1_000;

const milliseconds = z.int().nonnegative().describe('Milliseconds since 1970');
const placed = {
  agentId: id.optional().describe('The agent that has its step'),
  uncounted: z.literal(true).optional().describe('Its usage and duration are counted with another span'),
};

/** A span without its content: the facts that decide which agent it belongs to. */
export const spanFacts = z.strictObject({
  spanId: id,
  parentId: id.optional(),
  remoteParent: z.literal(true).optional().describe('The parent is a span of another process'),
  role: z.enum(['agent', 'model', 'step', 'plain']),
  name: z.string().max(128).optional().describe('The name of the agent'),
  conversation: z.string().max(1024).optional(),
  responseId: z.string().max(256).optional().describe('The id of the answer of a model'),
  failed: z.string().max(512).optional().describe('The error of an agent that failed'),
  configuration: jsonObject.optional().describe('Of the agent'),
  start: milliseconds,
  end: milliseconds,
});

export const traceSpansReceived = defineEvent({
  type: 'trace.spans-received',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'trace',
  streamIds: ['traceId'],
  description: 'Spans of a trace came in, and each step among them went to an agent.',
  data: z.strictObject({
    traceId: id,
    spans: z.array(spanFacts.extend(placed)).max(MAX_SPANS),
    moved: z
      .array(z.strictObject({ spanId: id, ...placed }))
      .optional()
      .describe('Earlier spans whose agent turned out to be another one'),
  }),
  sensitive: [],
});

export const traceEvents = [traceSpansReceived] as const;
