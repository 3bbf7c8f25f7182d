import { type DomainEvent, defineProjection } from 'annals';

/** What readers see of an invoice. */
interface InvoiceView {
  readonly state: 'open' | 'paid' | 'lost';
  readonly accountId: string;
  readonly cents: number;
  readonly reminders: number;
}

type InvoiceEvent = DomainEvent<'invoice.issued' | 'invoice.reminded' | 'invoice.paid' | 'invoice.written-off'>;

/** One view for each invoice: `GET /invoices/{invoiceId}`, and the list `GET /invoices?state=open`. */
export const invoiceStatus = defineProjection({
  name: 'invoice-status',
  aggregateType: 'invoice',
  types: ['invoice.issued', 'invoice.reminded', 'invoice.paid', 'invoice.written-off'],
  group: { of: (view: InvoiceView) => view.state, values: ['open', 'paid', 'lost'] },
  evolve(view: InvoiceView | undefined, event: InvoiceEvent): InvoiceView {
    const { state, accountId, cents, reminders } = view ?? { state: 'open', accountId: '', cents: 0, reminders: 0 };
    switch (event.type) {
      case 'invoice.issued':
        return { state, accountId: event.data.accountId, cents: event.data.cents, reminders };
      case 'invoice.reminded':
        return { state, accountId, cents, reminders: reminders + 1 };
      case 'invoice.paid':
        return { state: 'paid', accountId, cents, reminders };
      case 'invoice.written-off':
        return { state: 'lost', accountId, cents, reminders };
    }
  },
});

interface AccountView {
  readonly state: 'open' | 'closed';
  readonly name: string;
}

/** One view for each account. */
export const accountStatus = defineProjection({
  name: 'account-status',
  aggregateType: 'account',
  types: ['account.opened', 'account.closed'],
  group: { of: (view: AccountView) => view.state, values: ['open', 'closed'] },
  evolve: (view: AccountView | undefined, event: DomainEvent<'account.opened' | 'account.closed'>): AccountView =>
    event.type === 'account.opened'
      ? { state: 'open', name: event.data.name }
      : { state: 'closed', name: view?.name ?? '' },
});
