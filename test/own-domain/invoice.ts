import * as z from 'zod';
import {
  type CommandDeclarations,
  type CommandOf,
  defineAggregate,
  type EventTypesOf,
} from '../../application/aggregate.ts';
import { CommandRejectedError } from '../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { defineSharedProjection } from '../../core/projections/shared-projection.ts';
import { commandOf, defineSaga } from '../../core/sagas/saga.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import {
  invoiceCorrected,
  invoiceCreated,
  invoiceRefused,
  invoiceReminded,
  invoiceWrittenOff,
} from './invoice-events.ts';

interface Invoice {
  readonly state: 'none' | 'open' | 'paid' | 'refused' | 'lost';
  readonly cents: number;
}

/** One view for each invoice. */
export const invoiceStatus = defineProjection({
  name: 'invoice-status',
  aggregateType: 'invoice',
  types: ['invoice.created', 'invoice.paid', 'invoice.written-off'],
  group: { of: (view: { readonly state: string }) => view.state, values: ['open', 'paid', 'lost'] },
  evolve: (_, { type }: DomainEvent<'invoice.created' | 'invoice.paid' | 'invoice.written-off'>) => ({
    state: type === 'invoice.created' ? 'open' : type === 'invoice.paid' ? 'paid' : 'lost',
  }),
});

const commands = {
  create: { creates: true, body: invoiceCreated.data.omit({ invoiceId: true }), summary: 'Create an invoice' },
  pay: { body: z.strictObject({}), summary: 'Pay all of an invoice' },
  refuse: { body: invoiceRefused.data.omit({ invoiceId: true }) },
  remind: { internal: true, body: invoiceReminded.data.omit({ invoiceId: true }) },
  'write-off': { internal: true, body: invoiceWrittenOff.data.omit({ invoiceId: true }) },
  correct: { internal: true, body: invoiceCorrected.data.omit({ invoiceId: true }) },
} as const satisfies CommandDeclarations;

export const invoiceDecider = defineAggregate({
  aggregateType: 'invoice',
  initialState: { state: 'none', cents: 0 } as Invoice,
  commands,
  decide,
  evolve(invoice, event): Invoice {
    switch (event.type) {
      case 'invoice.created':
        return { state: 'open', cents: event.data.cents };
      case 'invoice.paid':
        return { ...invoice, state: 'paid' };
      case 'invoice.refused':
        return { ...invoice, state: 'refused' };
      case 'invoice.written-off':
        return { ...invoice, state: 'lost' };
      case 'invoice.reminded':
      case 'invoice.corrected':
        return invoice;
    }
  },
  compare: {},
  view: {
    projection: invoiceStatus,
    schema: () => z.strictObject({ state: z.string() }),
    filters: {
      lost: { value: z.enum(['yes', 'no']), passes: ({ state }, wanted) => (wanted === 'yes') === (state === 'lost') },
    },
  },
});

function decide(
  { state, cents }: Invoice,
  command: CommandOf<typeof commands>,
  { id: invoiceId }: DecideContext,
): NewEvent<EventTypesOf<'invoice'>>[] {
  const isFirst = command.kind === 'create' || command.kind === 'correct';
  if (isFirst !== (state === 'none')) throw new CommandRejectedError(`invoice ${invoiceId} is ${state}`);
  switch (command.kind) {
    case 'create':
      return [{ type: 'invoice.created', data: { invoiceId, customer: command.customer, cents: command.cents } }];
    case 'correct': {
      const { originalId, atVersion } = command;
      return [{ type: 'invoice.corrected', data: { invoiceId, originalId, atVersion } }];
    }
    case 'pay':
      if (state !== 'open') throw new CommandRejectedError(`invoice ${invoiceId} is ${state}`);
      return [{ type: 'invoice.paid', data: { invoiceId, cents } }];
    case 'refuse':
      return [{ type: 'invoice.refused', data: { invoiceId, reason: command.reason } }];
    case 'remind':
      return [{ type: 'invoice.reminded', data: { invoiceId, until: command.until } }];
    case 'write-off':
      return [{ type: 'invoice.written-off', data: { invoiceId, reason: command.reason } }];
  }
}

/** One view for each customer: what all invoices add up to. */
export const revenue = defineSharedProjection({
  name: 'revenue',
  types: ['invoice.created', 'invoice.paid'],
  shards: 1,
  evolve: (own: { customer?: string } | undefined, event: DomainEvent<'invoice.created' | 'invoice.paid'>) =>
    event.type === 'invoice.created' ? { customer: event.data.customer } : { ...own },
  count: ({ type, data }, _, { customer = 'unknown' }) => ({
    [customer]: type === 'invoice.created' ? { invoices: 1, owed: data.cents } : { paid: data.cents },
  }),
});

/** Reminds a customer, and waits for the answer. An invoice is written off when the saga is cancelled. */
export const dunning = defineSaga({
  name: 'dunning',
  description: 'An invoice is paid, or written off.',
  startedBy: 'invoice.created',
  input: ({ data: { invoiceId, customer } }) => ({ invoiceId, customer }),
  answers: {
    'invoice.paid': { item: () => 'payment', output: ({ cents }) => cents },
    'invoice.refused': { item: () => 'payment', fails: ({ reason }) => reason },
  },
  steps: [
    {
      name: 'remind',
      title: 'remind the customer, and wait for the payment',
      kind: 'parallel',
      items: () => ['payment'],
      command: ({ input, deadline }) => commandOf(invoiceDecider, input.invoiceId, { kind: 'remind', until: deadline }),
      compensation: ({ input, reason }) => commandOf(invoiceDecider, input.invoiceId, { kind: 'write-off', reason }),
      deadlineSeconds: () => 600,
      retries: { limit: 0, delaySeconds: 0, maxDelaySeconds: 0 },
    },
  ],
});
