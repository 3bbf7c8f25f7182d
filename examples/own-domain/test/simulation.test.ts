import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf } from 'annals';
import { appends, passes, type Story, simulate } from 'annals/testing';
import app from '../app.ts';
import { account } from '../billing/account.ts';
import { invoice } from '../billing/invoice.ts';

/** A customer gets an invoice, and pays it or not. */
const billing: Story = ({ id, from, chance }) => [
  commandOf(account, id, { kind: 'open', name: 'Acme' }),
  commandOf(invoice, id, { kind: 'issue', accountId: id, cents: from(1, 1_000) }),
  passes(from(0, 50) * 24 * 60 * 60),
  ...(chance(0.5) ? [commandOf(invoice, id, { kind: 'pay' })] : []),
  commandOf(account, id, { kind: 'close', reason: 'moved' }),
];

/** Another system records the payments of a customer with an account of its own. */
const imported: Story = ({ id, from }) => {
  const data = { invoiceId: id, accountId: 'shop', cents: from(1, 1_000) };
  return [
    appends(`invoice-${id}`, { type: 'invoice.issued', data }),
    appends(`invoice-${id}`, { type: 'invoice.paid', data }),
  ];
};

test('seeds of faults: every view is right, and every saga ends', async () => {
  const report = await simulate(app, { stories: [billing, imported] });
  deepEqual(report.untouched, []);
  ok(Object.values(report.sagas['dunning'] ?? {}).every((ends) => ends > 100));
});
