import * as z from 'zod';
import type { Work, WorkAggregate } from '../../application/work.ts';
import { id } from '../../core/events/envelope.ts';
import type { HeldPart } from '../../core/leases/leases.ts';
import { appendOptions } from '../http/command.ts';
import { pascalCase } from '../http/names.ts';
import { type Route, route } from '../http/route.ts';
import { readNewest } from '../views/read-view.ts';
import { viewSchema } from '../views/view-routes.ts';
import type { AgentWorkDeps } from './work-deps.ts';
import { claimBody, heartbeatBody, heldPart, releaseBody } from './work-schemas.ts';

/** The work of the process. @throws Error in an application without work, which has no route of work */
export function workIn({ work }: AgentWorkDeps): Work {
  if (work) return work;
  throw new Error('the application has no work to claim');
}

/** The document names the schema of a claim, so each aggregate has a single schema. */
const answers = new WeakMap<WorkAggregate, z.ZodObject>();

/** A claimed part, with the view of its work under the name of the aggregate. */
export function heldAnswer(aggregate: WorkAggregate): z.ZodObject {
  const { aggregateType, view } = aggregate;
  const members = { [`${aggregateType}Id`]: id, ...heldPart, [aggregateType]: viewSchema(aggregateType, view) };
  const answer = answers.get(aggregate) ?? z.strictObject(members).meta({ id: `${pascalCase(aggregateType)}Claim` });
  answers.set(aggregate, answer);
  return answer;
}

/** A held part, in the words of the API. */
export const partOf = ({ slot, workerId: agentId, fencing, until }: HeldPart) => ({ slot, agentId, fencing, until });

/** The view of work, whole; it knows the claim. */
export const wholeView = ({ view: { projection } }: WorkAggregate, workId: string, deps: AgentWorkDeps) =>
  readNewest(projection, workId, deps);

/** The routes of a piece of work: claim, heartbeat, release. */
export function claimRoutes(aggregate: WorkAggregate): readonly Route<AgentWorkDeps>[] {
  const { aggregateType, plural } = aggregate;
  const idName = `${aggregateType}Id`;
  const name = pascalCase(aggregateType);
  const path = `/${plural}/{${idName}}` as const;
  const params = z.object({ [idName]: id });
  const idOf = (given: Readonly<Record<string, unknown>>) => id.parse(given[idName]);
  return [
    route({
      name: `claim${name}`,
      method: 'POST',
      path: `${path}/claim`,
      summary: `Claim a part of a ${aggregateType}`,
      description:
        'The agent holds the part until the lease ends; heartbeats extend it. A part has one holder at most. When a lease ends, the part waits for the next agent.',
      params,
      body: claimBody,
      answer: heldAnswer(aggregate),
      statuses: { 200: 'The agent holds the part' },
      errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
      async handle({ params: given, body, context }, deps: AgentWorkDeps) {
        const { agentId: workerId, agentType: workerType, leaseSeconds: seconds, ...more } = body;
        const request = { ...more, workerId, workerType, id: idOf(given), seconds };
        const held = await workIn(deps).leases.take(request, appendOptions(context, deps));
        const view = await wholeView(aggregate, held.id, deps);
        return { status: 200, body: { [idName]: held.id, ...partOf(held), [aggregateType]: view } };
      },
    }),
    route({
      name: `beat${name}`,
      method: 'POST',
      path: `${path}/heartbeat`,
      summary: `Keep a part of a ${aggregateType}`,
      description: 'Extends the lease to so many seconds from now, and never shortens it. Heartbeats are not events.',
      params,
      body: heartbeatBody,
      answer: z.strictObject({ [idName]: id, ...heldPart }),
      statuses: { 200: 'The agent still holds the part' },
      errors: ['LEASE_LOST'],
      async handle({ params: given, body: { leaseSeconds, agentId: workerId, fencing } }, deps: AgentWorkDeps) {
        const held = await workIn(deps).leases.beat({ id: idOf(given), workerId, fencing }, leaseSeconds);
        return { status: 200, body: { [idName]: held.id, ...partOf(held) } };
      },
    }),
    route({
      name: `release${name}`,
      method: 'POST',
      path: `${path}/release`,
      summary: `Give a part of a ${aggregateType} back`,
      description: 'The part waits again at once. A repeat changes nothing.',
      params,
      body: releaseBody,
      answer: z.strictObject({ [idName]: id }),
      statuses: { 200: 'The part waits again' },
      errors: ['LEASE_LOST', 'CONCURRENCY_CONFLICT'],
      async handle({ params: given, body: { agentId: workerId, fencing } }, deps: AgentWorkDeps) {
        const workId = idOf(given);
        await workIn(deps).leases.release({ id: workId, workerId, fencing });
        return { status: 200, body: { [idName]: workId } };
      },
    }),
  ];
}
