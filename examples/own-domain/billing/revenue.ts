import { type DomainEvent, defineSharedProjection } from 'annals';

type RevenueEvent = DomainEvent<'invoice.issued' | 'invoice.paid' | 'invoice.written-off'>;

/** What all invoices add up to, in cents: the view `all`, and a view for each account. */
export const revenue = defineSharedProjection({
  name: 'revenue',
  types: ['invoice.issued', 'invoice.paid', 'invoice.written-off'],
  shards: 2,
  evolve: () => ({}), // each event says enough by itself
  count({ type, data: { accountId, cents } }: RevenueEvent) {
    const name = ({ 'invoice.issued': 'issued', 'invoice.paid': 'paid', 'invoice.written-off': 'lost' } as const)[type];
    return { all: { [name]: cents }, [accountId]: { [name]: cents } };
  },
});
