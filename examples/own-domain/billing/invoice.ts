import { CommandRejectedError, defineAggregate, NotFoundError } from 'annals';
import * as z from 'zod';
import { invoiceIssued } from './events.ts';
import { invoiceStatus } from './views.ts';

interface Invoice {
  readonly state: 'none' | 'open' | 'paid' | 'lost';
  readonly accountId: string;
  readonly cents: number;
}

/** An invoice is issued once, and then paid or written off. Only the saga `dunning` reminds and writes off. */
export const invoice = defineAggregate({
  aggregateType: 'invoice',
  initialState: { state: 'none', accountId: '', cents: 0 } as Invoice,
  commands: {
    issue: { creates: true, body: invoiceIssued.data.omit({ invoiceId: true }), summary: 'Issue an invoice' },
    pay: { body: z.strictObject({}), summary: 'Pay all of an invoice' },
    remind: { internal: true, body: z.strictObject({ until: z.iso.datetime() }) },
    'write-off': { internal: true, body: z.strictObject({ reason: z.string() }) },
  },
  decide({ state, accountId, cents }, command, { id: invoiceId }) {
    if (command.kind === 'issue') {
      if (state !== 'none') throw new CommandRejectedError(`invoice ${invoiceId} exists already`);
      const { accountId, cents } = command;
      return [{ type: 'invoice.issued', data: { invoiceId, accountId, cents } }];
    }
    if (state === 'none') throw new NotFoundError(`invoice ${invoiceId} does not exist`);
    // The payment may come after the saga has given up: then there is nothing to write off.
    if (command.kind === 'write-off' && state !== 'open') return [];
    if (state !== 'open') throw new CommandRejectedError(`invoice ${invoiceId} is ${state}`);
    switch (command.kind) {
      case 'pay':
        return [{ type: 'invoice.paid', data: { invoiceId, accountId, cents } }];
      case 'remind':
        return [{ type: 'invoice.reminded', data: { invoiceId, until: command.until } }];
      case 'write-off':
        return [{ type: 'invoice.written-off', data: { invoiceId, accountId, cents, reason: command.reason } }];
    }
  },
  evolve(invoice, event): Invoice {
    switch (event.type) {
      case 'invoice.issued':
        return { state: 'open', accountId: event.data.accountId, cents: event.data.cents };
      case 'invoice.paid':
        return { ...invoice, state: 'paid' };
      case 'invoice.written-off':
        return { ...invoice, state: 'lost' };
      case 'invoice.reminded':
        return invoice;
    }
  },
  view: { projection: invoiceStatus },
});
