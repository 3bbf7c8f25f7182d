import * as z from 'zod';
import { defineEvent } from '../core/events/define.ts';
import { eventSeverity } from '../core/events/envelope.ts';

export const systemResourceAlert = defineEvent({
  type: 'system.resource-alert',
  kind: 'system',
  access: 'open',
  version: 1,
  aggregateType: 'system',
  description: 'A resource crossed its threshold.',
  data: z.strictObject({
    resource: z.string().min(1).max(128),
    currentValue: z.number(),
    threshold: z.number(),
    severity: eventSeverity,
  }),
  sensitive: [],
});

export const systemEvents = [systemResourceAlert] as const;
