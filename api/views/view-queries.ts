import * as z from 'zod';
import { NotFoundError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { type AnyProjection, isShared, type ProjectionOf } from '../../core/projections/projection.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { LiveGenerations } from '../../core/replays/generations.ts';
import type { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { agentStatus } from '../../domain/agent/agent-status.ts';
import { taskStatus } from '../../domain/task/task-status.ts';
import { workflowStatus } from '../../domain/workflow/workflow-status.ts';
import { agentState } from '../../events/agent.ts';
import { cursor, encodeCursor, limit, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';
import { anyViewQuery, readView, viewQuery } from './read-view.ts';
import { readRanking, readSharedView, type SharedViewSources } from './shared-views.ts';
import { agentsPage, agentView, anyView, taskView, workflowView } from './view-schemas.ts';

/** What the routes that read views need. */
export interface ViewDeps extends SharedViewSources {
  readonly store: EventStore;
  /** Where views of the past are folded from; their whole streams when absent. */
  readonly states?: StateReader | undefined;
  readonly views: ViewStore;
  readonly generations: LiveGenerations;
  readonly projections: readonly AnyProjection[];
}

interface Listed<View> {
  readonly group: string;
  readonly key: string;
  readonly view: View & { readonly version: number };
}

interface Walk {
  /** The only group to list; all, in their order, when absent. */
  readonly state: string | undefined;
  readonly limit: number;
  readonly from: { readonly group: string; readonly after: string } | undefined;
}

/** The views of a projection, group by group, each group in the order of its keys; fetched as they are taken. */
export async function* walk<View extends object>(
  { name, group: { values } }: ProjectionOf<View>,
  { views, generations }: Pick<ViewDeps, 'views' | 'generations'>,
  { state, limit, from }: Walk,
): AsyncGenerator<Listed<View>> {
  const generation = await generations.live(name);
  const groups = state === undefined ? values : [state];
  for (const group of groups.slice(Math.max(0, groups.indexOf(from?.group ?? '')))) {
    let after = group === from?.group ? from.after : undefined;
    do {
      const page = await views.list(name, generation, group, { limit, after });
      for (const { key, version, view } of page.views) yield { group, key, view: { ...(view as View), version } };
      after = page.next;
    } while (after !== undefined);
  }
}

function named(name: string, { projections }: ViewDeps): AnyProjection {
  const projection = projections.find((candidate) => candidate.name === name);
  if (!projection) throw new NotFoundError(`there is no projection ${name}; GET /projections lists them`);
  return projection;
}

const view = { method: 'GET', query: viewQuery, statuses: { 200: 'The view' }, viewVersion: true } as const;
const errors = ['NOT_FOUND', 'VIEW_BEHIND', 'CORRUPT_DATA'] as const;

export const viewQueries = [
  route({
    name: 'listAgents',
    method: 'GET',
    path: '/agents',
    summary: 'List agents, of one state or state by state',
    description:
      'The list may be a moment behind, and an agent that changes its state between two pages may be in both or none.',
    query: z.object({
      state: agentState.optional(),
      limit,
      cursor: cursor(z.object({ state: agentState.optional(), group: agentState, after: id })),
    }),
    answer: agentsPage,
    statuses: { 200: 'A page of agents' },
    async handle({ query: { limit, ...query } }, deps: ViewDeps) {
      const { state } = query.cursor ?? query;
      const { items, more } = await takePage(walk(agentStatus, deps, { state, limit, from: query.cursor }), limit);
      const last = items.at(-1);
      const next = more && last ? encodeCursor({ state, group: last.group, after: last.key }) : null;
      return { status: 200, body: { agents: items.map(({ view }) => view), next } };
    },
  }),
  route({
    name: 'getAgent',
    path: '/agents/{agentId}',
    summary: 'What an agent is, does and has used',
    params: z.object({ agentId: id }),
    answer: agentView,
    errors,
    handle: ({ params: { agentId }, query }, deps: ViewDeps) => readView(agentStatus, agentId, query, deps),
    ...view,
  }),
  route({
    name: 'getTask',
    path: '/tasks/{taskId}',
    summary: 'Where a task stands and who answered',
    params: z.object({ taskId: id }),
    answer: taskView,
    errors,
    handle: ({ params: { taskId }, query }, deps: ViewDeps) => readView(taskStatus, taskId, query, deps),
    ...view,
  }),
  route({
    name: 'getWorkflow',
    path: '/workflows/{workflowId}',
    summary: 'How far a workflow has come',
    params: z.object({ workflowId: id }),
    answer: workflowView,
    errors,
    handle: ({ params: { workflowId }, query }, deps: ViewDeps) => readView(workflowStatus, workflowId, query, deps),
    ...view,
  }),
  route({
    name: 'getView',
    path: '/projections/{name}/{key}',
    summary: 'Any view, by the names of its projection and its own',
    params: z.object({ name: id, key: id }),
    answer: anyView,
    errors,
    async handle({ params: { name, key }, query }, deps: ViewDeps) {
      const projection = named(name, deps);
      if (isShared(projection)) return readSharedView(projection, key, query, deps);
      return readView(projection, key, query, deps);
    },
    ...view,
    query: anyViewQuery,
  }),
  route({
    name: 'listRanking',
    method: 'GET',
    path: '/rankings/{name}',
    summary: 'The views of a ranked projection, such as the leaderboard, highest first',
    description: 'The list may be a moment behind.',
    params: z.object({ name: id }),
    query: z.object({ limit: wholeNumber(1, 100).default(10).describe('Most views') }),
    answer: z.strictObject({ views: z.array(z.looseObject({ key: id })) }),
    statuses: { 200: 'The views' },
    errors: ['NOT_FOUND'],
    async handle({ params: { name }, query: { limit } }, deps: ViewDeps) {
      const projection = named(name, deps);
      if (!isShared(projection))
        throw new NotFoundError(`${name} is not ranked; GET /projections/${name}/{key} has its views`);
      return readRanking(projection, limit, deps);
    },
  }),
];
