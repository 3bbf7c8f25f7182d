import { defineAnnals } from 'annals';
import { account } from './billing/account.ts';
import { dunning } from './billing/dunning.ts';
import { events } from './billing/events.ts';
import { invoice } from './billing/invoice.ts';
import { revenue } from './billing/revenue.ts';
import { shipping } from './billing/shipping.ts';
import { accountStatus, invoiceStatus } from './billing/views.ts';

/** The whole application: routes, OpenAPI, state machines and tables follow from it. */
export default defineAnnals({
  events,
  aggregates: [invoice, account],
  projections: [invoiceStatus, accountStatus, revenue],
  sagas: [dunning, shipping],
});
