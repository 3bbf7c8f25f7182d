import * as z from 'zod';
import { amount } from '../core/events/amount.ts';
import { defineEvent } from '../core/events/define.ts';
import { id } from '../core/events/envelope.ts';
import { json } from '../core/events/json.ts';

export const externalServiceResponse = defineEvent({
  type: 'external-service.response',
  kind: 'integration',
  access: 'open',
  version: 1,
  aggregateType: 'service',
  streamIds: ['serviceId'],
  description: 'A service outside answered a request.',
  data: z.strictObject({
    serviceId: id,
    requestId: id,
    response: json,
    latency: amount.describe('Milliseconds'),
    success: z.boolean(),
  }),
  sensitive: ['response'],
});

export const integrationEvents = [externalServiceResponse] as const;
