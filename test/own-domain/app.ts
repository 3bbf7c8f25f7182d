import { defineAnnals } from '../../core/application/define-annals.ts';
import { dunning, invoiceDecider, invoiceStatus, revenue } from './invoice.ts';
import { catalogue } from './invoice-events.ts';

/** An application of invoices. */
export default defineAnnals({
  catalogue,
  aggregates: [invoiceDecider],
  projections: [invoiceStatus, revenue],
  sagas: [dunning],
});
