import * as z from 'zod';
import { streamId } from '../../core/base/stream-id.ts';
import { catalogueOf } from '../../core/events/catalogue.ts';
import { defineEvent, retireEvent } from '../../core/events/define.ts';
import { id } from '../../core/events/envelope.ts';
import { sagaEvents } from '../../core/events/saga.ts';

const common = {
  kind: 'domain',
  version: 1,
  aggregateType: 'invoice',
  streamIds: ['invoiceId'],
  sensitive: [],
} as const;

const invoiceCreated = defineEvent({
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

const invoiceRefused = defineEvent({
  ...common,
  type: 'invoice.refused',
  access: 'open',
  description: 'A customer does not pay.',
  data: z.strictObject({ invoiceId: id, reason: z.string() }),
});

const invoiceReminded = defineEvent({
  ...common,
  type: 'invoice.reminded',
  access: 'internal',
  description: 'A customer was asked to pay.',
  data: z.strictObject({ invoiceId: id, until: z.string() }),
});

const invoiceWrittenOff = defineEvent({
  ...common,
  type: 'invoice.written-off',
  access: 'internal',
  description: 'Nobody expects the amount any more.',
  data: z.strictObject({ invoiceId: id, reason: z.string() }),
});

const invoiceCorrected = defineEvent({
  ...common,
  type: 'invoice.corrected',
  access: 'internal',
  description: 'An invoice goes on under another number.',
  data: z.strictObject({ invoiceId: id, originalId: id, atVersion: z.int().positive() }),
  continues: ({ originalId, atVersion }) => ({ stream: streamId('invoice', originalId), version: atVersion }),
});

/** No event of an agent, a task or a workflow is among them. */
const definitions = [
  invoiceCreated,
  invoicePaid,
  invoiceRefused,
  invoiceReminded,
  invoiceWrittenOff,
  invoiceCorrected,
  ...sagaEvents,
] as const;

declare module '../../core/events/catalogue.ts' {
  interface Register {
    readonly invoices: typeof definitions;
  }
}

const billCreated = retireEvent({
  type: 'bill.created',
  version: 1,
  successors: ['invoice.created'],
  succeed: (data) => ({ type: 'invoice.created', version: 2, data }),
});

export const catalogue = catalogueOf(definitions, { retired: [billCreated] });
