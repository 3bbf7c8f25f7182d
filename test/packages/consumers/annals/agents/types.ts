// A user's types, of events beside those of the module of agents: each line with an error has to have it.
import { type DomainEvent, defineAnnals, defineEvent, type NewEvent } from 'annals';
import { agents } from 'annals/agents';
import * as z from 'zod';

const events = [
  defineEvent({
    ...{ kind: 'domain', access: 'open', version: 1, aggregateType: 'order', sensitive: [] },
    type: 'order.placed',
    description: 'A customer ordered.',
    data: z.strictObject({ cents: z.int() }),
  }),
] as const;

declare module 'annals' {
  interface Register {
    readonly shop: typeof events;
  }
}

export default defineAnnals({ modules: [agents], events });

export const placed: NewEvent = { type: 'order.placed', data: { cents: 5 } };
// @ts-expect-error no module declares this type
export const unknown: NewEvent = { type: 'invoice.created', data: {} };
export function actionOf(event: DomainEvent): string | undefined {
  return event.type === 'agent.step-recorded' ? event.data.action : undefined;
}
