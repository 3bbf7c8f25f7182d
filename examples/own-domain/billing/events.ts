import { defineEvent } from 'annals';
import * as z from 'zod';

const invoices = {
  kind: 'domain',
  version: 1,
  aggregateType: 'invoice',
  streamIds: ['invoiceId'],
  sensitive: [],
} as const;
const accounts = { ...invoices, aggregateType: 'account', streamIds: ['accountId'] } as const;

const id = z.string().min(1).max(128);
const cents = z.int().positive();
const reason = z.string().min(1).max(1024);

export const invoiceIssued = defineEvent({
  ...invoices,
  type: 'invoice.issued',
  access: 'open',
  description: 'A customer owes an amount.',
  data: z.strictObject({ invoiceId: id, accountId: id, cents }),
});

const invoiceReminded = defineEvent({
  ...invoices,
  type: 'invoice.reminded',
  access: 'internal',
  description: 'The customer was asked to pay.',
  data: z.strictObject({ invoiceId: id, until: z.iso.datetime() }),
});

const invoicePaid = defineEvent({
  ...invoices,
  type: 'invoice.paid',
  access: 'open',
  description: 'The customer paid all of the amount.',
  data: z.strictObject({ invoiceId: id, accountId: id, cents }),
});

const invoiceWrittenOff = defineEvent({
  ...invoices,
  type: 'invoice.written-off',
  access: 'internal',
  description: 'Nobody expects the amount any more.',
  data: z.strictObject({ invoiceId: id, accountId: id, cents, reason }),
});

export const accountOpened = defineEvent({
  ...accounts,
  type: 'account.opened',
  access: 'open',
  description: 'A customer has an account.',
  data: z.strictObject({ accountId: id, name: z.string().min(1).max(128) }),
  sensitive: ['name'],
});

const accountClosed = defineEvent({
  ...accounts,
  type: 'account.closed',
  access: 'open',
  description: 'The customer is gone.',
  data: z.strictObject({ accountId: id, reason }),
});

export const events = [
  invoiceIssued,
  invoiceReminded,
  invoicePaid,
  invoiceWrittenOff,
  accountOpened,
  accountClosed,
] as const;

declare module 'annals' {
  interface Register {
    readonly billing: typeof events;
  }
}
