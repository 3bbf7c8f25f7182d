import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf } from 'annals';
import { appends, decides, passes, type Story, signals, simulate } from 'annals/testing';
import app from '../app.ts';
import { account } from '../billing/account.ts';
import { invoice } from '../billing/invoice.ts';
import { shipping } from '../billing/shipping.ts';

/** A customer gets an invoice, and pays it or not. */
const billing: Story = ({ id, from, chance }) => [
  commandOf(account, id, { kind: 'open', name: 'Acme' }),
  commandOf(invoice, id, { kind: 'issue', accountId: id, cents: from(1, 1_000) }),
  passes(from(0, 50) * 24 * 60 * 60),
  ...(chance(0.5) ? [commandOf(invoice, id, { kind: 'pay' })] : []),
  commandOf(account, id, { kind: 'close', reason: 'moved' }),
];

/** A customer pays at once. The warehouse and the carrier do their part, in time, late or never. */
const shipped: Story = ({ id, from, chance }) => [
  commandOf(invoice, id, { kind: 'issue', accountId: 'shop', cents: from(1, 1_000) }),
  commandOf(invoice, id, { kind: 'pay' }),
  passes(from(0, 30) * 60 * 60),
  ...(chance(0.8) ? [decides(shipping, id, 'release', chance(0.8) ? 'approve' : 'refuse')] : []),
  ...(chance(0.8) ? [signals(shipping, id, 'shipped', { parcel: id })] : []),
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
  const report = await simulate(app, { stories: [billing, shipped, imported] });
  deepEqual(report.untouched, []);
  for (const saga of ['dunning', 'shipping']) {
    ok(
      Object.values(report.sagas[saga] ?? {}).every((ends) => ends > 5),
      `${saga}: ${JSON.stringify(report.sagas[saga])}`,
    );
  }
});
