import * as z from 'zod';
import { streamId } from '../../core/base/stream-id.ts';
import '../../core/events/catalogue.ts';
import { defineEvent, retireEvent } from '../../core/events/define.ts';
import { id } from '../../core/events/envelope.ts';

const common = {
  kind: 'domain',
  version: 1,
  aggregateType: 'invoice',
  streamIds: ['invoiceId'],
  sensitive: [],
} as const;

export const invoiceCreated = defineEvent({
  ...common,
  type: 'invoice.created',
  access: 'open',
  version: 2,
  upcasters: [({ euros, ...data }) => ({ ...data, cents: Number(euros) * 100 })],
  description: 'A customer owes an amount.',
  data: z.strictObject({ invoiceId: id, customer: id, cents: z.int().positive() }),
});

const invoicePaid = defineEvent({
  ...common,
  type: 'invoice.paid',
  access: 'open',
  description: 'A customer paid all of an invoice.',
  data: z.strictObject({ invoiceId: id, cents: z.int().positive() }),
});

export const invoiceRefused = defineEvent({
  ...common,
  type: 'invoice.refused',
  access: 'open',
  description: 'A customer does not pay.',
  data: z.strictObject({ invoiceId: id, reason: z.string() }),
});

export const invoiceReminded = defineEvent({
  ...common,
  type: 'invoice.reminded',
  access: 'internal',
  description: 'A customer was asked to pay.',
  data: z.strictObject({ invoiceId: id, until: z.string() }),
});

export const invoiceWrittenOff = defineEvent({
  ...common,
  type: 'invoice.written-off',
  access: 'internal',
  description: 'Nobody expects the amount any more.',
  data: z.strictObject({ invoiceId: id, reason: z.string() }),
});

export const invoiceCorrected = defineEvent({
  ...common,
  type: 'invoice.corrected',
  access: 'internal',
  description: 'An invoice goes on under another number.',
  data: z.strictObject({ invoiceId: id, originalId: id, atVersion: z.int().positive() }),
  continues: ({ originalId, atVersion }) => ({ stream: streamId('invoice', originalId), version: atVersion }),
});

/** No event of an agent, a task or a workflow is among them. */
export const events = [
  invoiceCreated,
  invoicePaid,
  invoiceRefused,
  invoiceReminded,
  invoiceWrittenOff,
  invoiceCorrected,
] as const;

declare module '../../core/events/catalogue.ts' {
  interface Register {
    readonly invoices: typeof events;
  }
}

export const billCreated = retireEvent({
  type: 'bill.created',
  version: 1,
  successors: ['invoice.created'],
  succeed: (data) => ({ type: 'invoice.created', version: 2, data }),
});
