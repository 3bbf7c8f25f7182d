import { throws } from 'node:assert/strict';
import { test } from 'node:test';
import { ValidationError } from 'annals';
import { given } from 'annals/testing';
import { shipping } from '../billing/shipping.ts';

const paid = { type: 'invoice.paid', data: { invoiceId: '1', accountId: 'acme', cents: 500 } } as const;
const HOUR_SECONDS = 60 * 60;

test('a released sale waits for the carrier', () => {
  const released = given(shipping, [paid]).whenDecided('release', 'approve');
  released.thenWaitsFor(['shipped']);
  released.whenSignalled('shipped', { parcel: '42' }).thenCompleted();
  throws(() => released.whenSignalled('shipped', { parcel: '' }), ValidationError);
});

test('the carrier may be faster than the warehouse', () => {
  given(shipping, [paid]).whenSignalled('shipped', { parcel: '42' }).whenDecided('release', 'approve').thenCompleted();
});

test('a refusal ends the sale, and so does a day without a decision', () => {
  const refused = given(shipping, [paid]).whenDecided('release', 'refuse', { who: 'Ada', why: 'sold out' });
  refused.thenFailed(/refused by Ada: sold out/);
  given(shipping, [paid])
    .whenTimePasses(25 * HOUR_SECONDS)
    .thenFailed(/nobody decided for warehouse/);
});
