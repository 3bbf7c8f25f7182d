import * as z from 'zod';
import { eventTypeList } from '../../application/event-type-list.ts';
import { NotFoundError } from '../../core/base/errors.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { registrationIn } from '../../core/store/registered-types.ts';
import { cursor, encodeCursor, limit, nextPage, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';
import { type ListDeps, viewsByGroup } from '../views/lists.ts';
import { declaredAnswer, eventTypeAnswer, listedType, registeredAnswer, typeParams } from './event-type-answers.ts';

/** The parts that the routes of event types need. */
type EventTypeDeps = ListDeps & { readonly store: EventStore };

/** The types that modules declare, and then those that are registered. */
async function* typesFrom(declared: number, after: string | undefined, pageSize: number, deps: EventTypeDeps) {
  for (const { type, aggregateType, version, description } of deps.store.catalogue.definitions.slice(declared)) {
    yield { type, aggregateType, declared: true, version, description };
  }
  const from = after === undefined ? undefined : { group: 'registered', after };
  for await (const { view } of viewsByGroup(eventTypeList, deps, { group: 'registered', pageSize, from })) {
    yield { ...view, declared: false };
  }
}

/** The routes that read event types. */
export const eventTypeQueries = [
  route({
    name: 'listEventTypes',
    method: 'GET',
    path: '/event-types',
    summary: 'List event types: those that modules declare, then those that are registered, by name',
    description: 'Each type shows its newest version. The list of registered types may be a moment behind.',
    query: z.object({
      limit,
      cursor: cursor(z.object({ declared: z.int().nonnegative(), after: z.string().optional() })),
    }),
    answer: z.strictObject({ eventTypes: z.array(listedType), next: nextPage }),
    statuses: { 200: 'A page of event types' },
    async handle({ query: { limit, cursor } }, deps: EventTypeDeps) {
      const { declared, after } = cursor ?? { declared: 0, after: undefined };
      const { items, more } = await takePage(typesFrom(declared, after, limit, deps), limit);
      const last = items.at(-1);
      const next = {
        declared: declared + items.filter((item) => item.declared).length,
        ...(last?.declared === false ? { after: last.type } : {}),
      };
      return { status: 200, body: { eventTypes: items, next: more ? encodeCursor(next) : null } };
    },
  }),
  route({
    name: 'getEventType',
    method: 'GET',
    path: '/event-types/{type}',
    summary: 'An event type with the schema of its data',
    params: typeParams,
    query: z.object({
      version: wholeNumber(1).optional().describe('The version of the schema; the newest when absent'),
    }),
    answer: eventTypeAnswer,
    statuses: { 200: 'The event type' },
    errors: ['NOT_FOUND'],
    async handle({ params: { type }, query: { version } }, { store }: { store: EventStore }) {
      const declared = store.catalogue.definitionOf(type);
      if (declared && (version === undefined || version === declared.version)) {
        return { status: 200, body: declaredAnswer(declared) };
      }
      const registered = declared ? undefined : await registrationIn(store, type, version);
      if (registered) return { status: 200, body: registeredAnswer(registered.data) };
      const which = version === undefined ? '' : ` with version ${version}`;
      throw new NotFoundError(`there is no event type ${type}${which}; GET /event-types lists them`);
    },
  }),
];
