// A user's types: each line with an error has to have it.
import { type Annals, type Decider, type DomainEvent, defineEvent, type NewEvent, openAnnals } from 'annals';
import * as z from 'zod';

const invoiceCreated = defineEvent({
  type: 'invoice.created',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'invoice',
  description: 'A customer owes an amount.',
  data: z.strictObject({ invoiceId: z.string(), cents: z.int().positive() }),
  sensitive: [],
});
const events = [invoiceCreated] as const;

declare module 'annals' {
  interface Register {
    readonly billing: typeof events;
  }
}

export const known: NewEvent = { type: 'invoice.created', data: { invoiceId: '1', cents: 500 } };
// @ts-expect-error no module declares this type
export const unknown: NewEvent = { type: 'invoice.lost', data: { invoiceId: '1', cents: 500 } };
// @ts-expect-error the application does not use the module of agents
export const agent: NewEvent = { type: 'agent.state-changed', data: {} };
// @ts-expect-error cents are a number
export const wrong: NewEvent = { type: 'invoice.created', data: { invoiceId: '1', cents: 'many' } };

export function centsOf(event: DomainEvent): number {
  if (event.type === 'invoice.created') return event.data.cents;
  // @ts-expect-error the other events are those of sagas
  return event.data.cents;
}

export async function pay(app: Annals, invoice: Decider<{ open: boolean }, { kind: 'pay' }, 'invoice.created'>) {
  const annals = await openAnnals(app, { dataDir: '.annals' });
  const { state } = await annals.execute(invoice, '1', { kind: 'pay' });
  // @ts-expect-error the aggregate has no such command
  await annals.execute(invoice, '1', { kind: 'lose' });
  await annals.append('invoice-1', [known]);
  // @ts-expect-error no module declares this type
  await annals.append('invoice-1', [{ type: 'invoice.lost', data: {} }]);
  const open: boolean = state.open;
  return open;
}
