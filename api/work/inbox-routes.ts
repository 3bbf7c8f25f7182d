import * as z from 'zod';
import type { WorkAggregate } from '../../application/work.ts';
import { id } from '../../core/events/envelope.ts';
import { appendOptions } from '../http/command.ts';
import { limit, nextPage } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { entryCursor, listEntries } from '../views/entries.ts';
import { viewSchema } from '../views/view-routes.ts';
import { heldAnswer, partOf, wholeView, workIn } from './claim-routes.ts';
import type { AgentWorkDeps } from './work-deps.ts';
import { claimsBody, typeQuery, waiting } from './work-schemas.ts';

const page = { ...waiting, limit, cursor: entryCursor };
type Page = { readonly wait: number; readonly limit: number; readonly cursor?: z.output<typeof entryCursor> };

/** The routes of the inboxes: what waits for an agent or for agents of a type, and claims of whatever waits. */
export function inboxRoutes(aggregate: WorkAggregate): readonly Route<AgentWorkDeps>[] {
  const { aggregateType, plural, view, work } = aggregate;
  const { projection } = view;
  const answer = z.strictObject({ [plural]: z.array(viewSchema(aggregateType, view)), next: nextPage });

  async function read(list: string, { wait, ...query }: Page, deps: AgentWorkDeps, gone: AbortSignal) {
    const found = await listEntries(projection, deps, { list, ...query });
    const isOver = found.views.length > 0 || found.next !== null || query.cursor !== undefined || wait === 0;
    if (!isOver) await workIn(deps).inbox.wait([list], wait * 1_000, endOf(gone, deps));
    const { views, next } = isOver ? found : await listEntries(projection, deps, { list, ...query });
    return { status: 200 as const, body: { [plural]: views, next } };
  }

  const declared = {
    method: 'GET',
    description:
      'The most urgent work comes first, then the oldest. The list may be a moment behind: a claim decides who gets the work. With `wait` the answer comes as soon as something waits.',
    answer,
    statuses: { 200: `A page of ${plural} that wait` },
  } as const;

  return [
    route({
      ...declared,
      name: 'readInbox',
      path: '/inbox',
      summary: `List the ${plural} that any agent of a type may claim`,
      query: z.object({ ...typeQuery, ...page }),
      handle: ({ query: { agentType, ...query }, signal }, deps: AgentWorkDeps) =>
        read(work.inboxes.ofType(agentType), query, deps, signal),
    }),
    route({
      ...declared,
      name: 'readAgentInbox',
      path: '/agents/{agentId}/inbox',
      summary: `List the ${plural} that name an agent and wait for it`,
      params: z.object({ agentId: id }),
      query: z.object(page),
      handle: ({ params: { agentId }, query, signal }, deps: AgentWorkDeps) =>
        read(work.inboxes.ofWorker(agentId), query, deps, signal),
    }),
    route({
      name: 'claimWork',
      method: 'POST',
      path: '/inbox/claims',
      summary: `Claim ${plural} that wait, without choosing`,
      description:
        'Work that names the agent comes first, then work for agents of its type; the most urgent first, then the oldest. Claimants that come at the same time get different work. The answer is empty when nothing came in time. A repeat with the same Idempotency-Key gets the same claims, if the request had a `limit`.',
      body: claimsBody,
      answer: z.strictObject({ claims: z.array(heldAnswer(aggregate)) }),
      statuses: { 200: 'The claimed work; none when nothing came in time' },
      errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
      async handle({ body, context, signal }, deps: AgentWorkDeps) {
        const { agentId: workerId, agentType: workerType, leaseSeconds: seconds, wait, ...more } = body;
        const { ofWorker, ofType } = work.inboxes;
        const lists = [ofWorker(workerId), ...(workerType === undefined ? [] : [ofType(workerType)])];
        const waits = { waitMs: wait * 1_000, signal: endOf(signal, deps) };
        const request = { ...more, ...waits, workerId, workerType, seconds, lists };
        const claimed = await workIn(deps).inbox.claim(request, appendOptions(context, deps));
        const claims = claimed.map(async ({ held, work: found }) => {
          const whole = found?.isWhole
            ? { ...found.view, version: found.version }
            : await wholeView(aggregate, held.id, deps);
          return { [`${aggregateType}Id`]: held.id, ...partOf(held), [aggregateType]: whole };
        });
        return { status: 200, body: { claims: await Promise.all(claims) } };
      },
    }),
  ];
}

/** Ends a wait when the caller has gone or the server closes. */
const endOf = (gone: AbortSignal, { closing }: AgentWorkDeps): AbortSignal =>
  closing ? AbortSignal.any([closing, gone]) : gone;
