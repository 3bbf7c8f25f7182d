import * as z from 'zod';
import type { Annals } from '../../application/define-annals.ts';
import { type Route, route } from '../http/route.ts';

/** `GET /asyncapi.json`: the events that an application sends, from its catalogue. The first request loads what makes it. */
export function asyncApiRoute({ catalogue, eventSystem }: Pick<Annals, 'catalogue' | 'eventSystem'>): Route<object> {
  let document: Record<string, unknown> | undefined;
  return route({
    name: 'getAsyncApi',
    method: 'GET',
    path: '/asyncapi.json',
    summary: 'The events of the log and the bus, as an AsyncAPI document',
    answer: z.looseObject({ asyncapi: z.string() }),
    statuses: { 200: 'An AsyncAPI 3.1 document' },
    async handle() {
      const { asyncApiDocument } = await import('./async-api-document.ts');
      document ??= asyncApiDocument(catalogue, eventSystem?.bus?.format);
      return { status: 200, body: { asyncapi: '3.1.0', ...document } };
    },
  });
}
