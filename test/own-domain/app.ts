import { defineAnnals } from '../../application/define-annals.ts';
import { dunning, invoiceDecider, invoiceStatus, revenue } from './invoice.ts';
import { billCreated, events } from './invoice-events.ts';

/** An application of invoices. */
export default defineAnnals({
  events,
  retired: [billCreated],
  aggregates: [invoiceDecider],
  projections: [invoiceStatus, revenue],
  sagas: [dunning],
  eventSystem: { snapshots: { frequency: 7 } },
});
