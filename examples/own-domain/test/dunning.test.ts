import { test } from 'node:test';
import { commandOf } from 'annals';
import { given } from 'annals/testing';
import { dunning } from '../billing/dunning.ts';
import { invoice } from '../billing/invoice.ts';

const issued = { type: 'invoice.issued', data: { invoiceId: '1', accountId: 'acme', cents: 500 } } as const;
const paid = { type: 'invoice.paid', data: { invoiceId: '1', accountId: 'acme', cents: 500 } } as const;
const closed = { type: 'account.closed', data: { accountId: 'acme', reason: 'moved' } } as const;
const DAY_SECONDS = 24 * 60 * 60;

const remind = (until: string) => commandOf(invoice, '1', { kind: 'remind', until });
const writeOff = (reason: string) => commandOf(invoice, '1', { kind: 'write-off', reason });

test('a payment ends the reminders', () => {
  const begun = given(dunning, [issued], { now: '2026-01-01T00:00:00.000Z' });
  begun.thenSends([remind('2026-01-15T00:00:00.000Z')]);
  begun.thenWaitsFor(['acme']);
  begun.when(paid).thenCompleted();
});

test('after three reminders without an answer the invoice is written off', () => {
  const late = given(dunning, [issued]).whenTimePasses(15 * DAY_SECONDS);
  late.thenWaitsFor(['acme']);
  late.whenTimePasses(30 * DAY_SECONDS).thenFailed(/did not answer/);
});

test('a closed account ends the reminders, too', () => {
  const lost = given(dunning, [issued]).whenPartyHas(closed, { aggregateType: 'account', id: 'acme' });
  lost.thenSends([writeOff('account acme is closed')]);
  lost.thenFailed();
});
