import { approve, defineSaga, type SagaContext, signal } from 'annals';
import * as z from 'zod';

type Sale = { readonly invoiceId: string; readonly cents: number };

/** What is paid goes out once a person has released it. The carrier says which parcel it took. */
export const shipping = defineSaga({
  name: 'shipping',
  description: 'Paid goods are released by a person and taken by the carrier.',
  startedBy: 'invoice.paid',
  input: ({ data: { invoiceId, cents } }): Sale => ({ invoiceId, cents }),
  answers: {},
  steps: [
    approve({
      name: 'release',
      by: 'warehouse',
      within: '24h',
      otherwise: 'fail',
      title: 'send what was paid',
      asks: ({ input }: SagaContext<Sale>) => input,
    }),
    signal('shipped', { within: '7d', schema: z.strictObject({ parcel: z.string().min(1) }) }),
  ],
});
