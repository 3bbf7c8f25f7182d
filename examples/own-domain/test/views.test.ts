import { test } from 'node:test';
import { given } from 'annals/testing';
import { revenue } from '../billing/revenue.ts';
import { accountStatus, invoiceStatus } from '../billing/views.ts';

const issued = (invoiceId: string, accountId: string, cents: number) =>
  ({ type: 'invoice.issued', data: { invoiceId, accountId, cents } }) as const;
const paid = (invoiceId: string, accountId: string, cents: number) =>
  ({ type: 'invoice.paid', data: { invoiceId, accountId, cents } }) as const;
const reminded = { type: 'invoice.reminded', data: { invoiceId: '1', until: '2026-02-01T00:00:00.000Z' } } as const;

test('an invoice shows its state and its reminders', () => {
  given(invoiceStatus, [issued('1', 'acme', 500), reminded, paid('1', 'acme', 500)]).thenView({
    state: 'paid',
    accountId: 'acme',
    cents: 500,
    reminders: 1,
  });
});

test('an account shows its name', () => {
  given(accountStatus, [
    { type: 'account.opened', data: { accountId: '1', name: 'Acme' } },
    { type: 'account.closed', data: { accountId: '1', reason: 'moved' } },
  ]).thenView({ state: 'closed', name: 'Acme' });
});

test('the revenue adds up, for all and for each account', () => {
  given(revenue, {
    'invoice-1': [issued('1', 'acme', 500), paid('1', 'acme', 500)],
    'invoice-2': [issued('2', 'acme', 200)],
    'invoice-3': [issued('3', 'other', 10)],
  }).thenViews({ all: { issued: 710, paid: 500 }, acme: { issued: 700, paid: 500 }, other: { issued: 10 } });
});
