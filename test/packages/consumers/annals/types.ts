// A user's types, of the application in `app.ts`: each line with an error has to have it.
import { type DomainEvent, type NewEvent, openAnnals } from 'annals';
import app, { invoice } from './app.ts';

export const known: NewEvent = { type: 'invoice.created', data: { customer: 'acme', cents: 500 } };
// @ts-expect-error no module declares this type
export const unknown: NewEvent = { type: 'invoice.lost', data: { customer: 'acme', cents: 500 } };
// @ts-expect-error the application does not use the module of agents
export const agent: NewEvent = { type: 'agent.state-changed', data: {} };
// @ts-expect-error cents are a number
export const wrong: NewEvent = { type: 'invoice.created', data: { customer: 'acme', cents: 'many' } };

export function centsOf(event: DomainEvent): number {
  if (event.type === 'invoice.created') return event.data.cents;
  // @ts-expect-error no other event has cents
  return event.data.cents;
}

const annals = await openAnnals(app, { dataDir: '.annals' });
const { state } = await annals.execute(invoice, '1', { kind: 'create', customer: 'acme', cents: 500 });
export const word: string = state.state;
await annals.execute(invoice, '1', { kind: 'pay' });
// @ts-expect-error the aggregate has no such command
await annals.execute(invoice, '1', { kind: 'lose' });
// @ts-expect-error the command needs an amount
await annals.execute(invoice, '1', { kind: 'create', customer: 'acme' });
await annals.append('invoice-1', [known]);
// @ts-expect-error no module declares this type
await annals.append('invoice-1', [{ type: 'invoice.lost', data: {} }]);
