import * as z from 'zod';
import { NotFoundError } from '../../core/base/errors.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { registrationIn } from '../../core/store/registered-types.ts';
import { wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';
import { declaredAnswer, eventTypeAnswer, registeredAnswer, typeParams } from './event-type-answers.ts';

/** The routes that read event types. */
export const eventTypeQueries = [
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
