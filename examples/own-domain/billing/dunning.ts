import { commandOf, type DomainEvent, defineSaga } from 'annals';
import { invoice } from './invoice.ts';

const DAY_SECONDS = 24 * 60 * 60;

/**
 * Asks the customer to pay, three times at most. When no payment comes in time, or the account is closed, the invoice is
 * written off.
 */
export const dunning = defineSaga({
  name: 'dunning',
  description: 'An invoice is paid, or written off.',
  startedBy: 'invoice.issued',
  input: ({ data: { invoiceId, accountId } }) => ({ invoiceId, accountId }),
  answers: { 'invoice.paid': { item: ({ accountId }) => accountId } },
  steps: [
    {
      name: 'remind',
      title: 'ask the customer to pay, and wait for the payment',
      kind: 'parallel',
      items: ({ input }) => [input.accountId],
      command: ({ input, deadline }) => commandOf(invoice, input.invoiceId, { kind: 'remind', until: deadline }),
      compensation: ({ input, reason }) => commandOf(invoice, input.invoiceId, { kind: 'write-off', reason }),
      deadlineSeconds: () => 14 * DAY_SECONDS,
      retries: { limit: 2, delaySeconds: 60, maxDelaySeconds: DAY_SECONDS },
      party: { aggregateType: 'account', id: (accountId) => accountId, endedBy: ['account.closed'], fails: closed },
    },
  ],
});

function closed({ type, aggregateId }: DomainEvent): string | undefined {
  return type === 'account.closed' ? `account ${aggregateId} is closed` : undefined;
}
