import { test } from 'node:test';
import { CommandRejectedError, NotFoundError } from 'annals';
import { given } from 'annals/testing';
import { invoice } from '../billing/invoice.ts';

const issued = { type: 'invoice.issued', data: { invoiceId: '1', accountId: 'acme', cents: 500 } } as const;
const paid = { type: 'invoice.paid', data: { invoiceId: '1', accountId: 'acme', cents: 500 } } as const;

test('an open invoice is paid once', () => {
  given(invoice, [issued]).when({ kind: 'pay' }).thenEvents([paid]);
  given(invoice, [issued, paid])
    .when({ kind: 'pay' })
    .thenRejected(CommandRejectedError, /is paid/);
  given(invoice, []).when({ kind: 'pay' }).thenRejected(NotFoundError);
});

test('other systems append what a command would write, and nothing else', () => {
  given(invoice, [issued]).whenAppended(paid).thenAdmitted();
  given(invoice, [issued])
    .whenAppended({ ...paid, data: { ...paid.data, cents: 1 } })
    .thenRefused(/cents/);
});
