import * as z from 'zod';
import { NotFoundError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { type AnyProjection, isShared } from '../../core/projections/projection.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { LiveGenerations } from '../../core/replays/generations.ts';
import type { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { agentStatus } from '../../domain/agent/agent-status.ts';
import { taskStatus } from '../../domain/task/task-status.ts';
import { workflowStatus } from '../../domain/workflow/workflow-status.ts';
import { agentState } from '../../events/agent.ts';
import { limit, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';
import { listCursor, listViews } from './lists.ts';
import { anyViewQuery, readView, viewQuery } from './read-view.ts';
import { readRanking, readSharedView, type SharedViewSources } from './shared-views.ts';
import {
  agentsPage,
  agentView,
  anyView,
  taskState,
  tasksPage,
  taskView,
  workflowState,
  workflowsPage,
  workflowView,
} from './view-schemas.ts';

/** What the routes that read views need. */
export interface ViewDeps extends SharedViewSources {
  readonly store: EventStore;
  /** Where views of the past are folded from; their whole streams when absent. */
  readonly states?: StateReader | undefined;
  readonly views: ViewStore;
  readonly generations: LiveGenerations;
  readonly projections: readonly AnyProjection[];
}

function named(name: string, { projections }: ViewDeps): AnyProjection {
  const projection = projections.find((candidate) => candidate.name === name);
  if (!projection) throw new NotFoundError(`there is no projection ${name}; GET /projections lists them`);
  return projection;
}

const view = { method: 'GET', query: viewQuery, statuses: { 200: 'The view' }, viewVersion: true } as const;
/** A type or a name that a list is filtered by. */
const name = z.string().min(1).max(128).optional();
const LIST =
  'The list may be a moment behind, and what changes its state between two pages may be in both or none. A page that filters may have few items, or none, and still a `next`.';
const errors = ['NOT_FOUND', 'VIEW_BEHIND', 'CORRUPT_DATA'] as const;

export const viewQueries = [
  route({
    name: 'listAgents',
    method: 'GET',
    path: '/agents',
    summary: 'List agents, by state, type or creator',
    description: LIST,
    query: z.object({
      state: agentState.optional(),
      agentType: name,
      createdBy: name,
      limit,
      cursor: listCursor(agentStatus.group.values),
    }),
    answer: agentsPage,
    statuses: { 200: 'A page of agents' },
    async handle({ query: { limit, cursor, ...filters } }, deps: ViewDeps) {
      const { views, next } = await listViews(
        agentStatus,
        deps,
        { limit, cursor, filters },
        {
          agentType: (view, type) => view.agentType === type,
          createdBy: (view, creator) => view.createdBy === creator,
        },
      );
      return { status: 200, body: { agents: views, next } };
    },
  }),
  route({
    name: 'listTasks',
    method: 'GET',
    path: '/tasks',
    summary: 'List tasks, by state or by an agent that they need',
    description: LIST,
    query: z.object({
      state: taskState.optional(),
      agentId: id.optional().describe('An agent that the task needs'),
      limit,
      cursor: listCursor(taskStatus.group.values),
    }),
    answer: tasksPage,
    statuses: { 200: 'A page of tasks' },
    async handle({ query: { limit, cursor, ...filters } }, deps: ViewDeps) {
      const { views, next } = await listViews(
        taskStatus,
        deps,
        { limit, cursor, filters },
        {
          agentId: (view, agentId) => view.requiredAgents.includes(agentId),
        },
      );
      return { status: 200, body: { tasks: views, next } };
    },
  }),
  route({
    name: 'listWorkflows',
    method: 'GET',
    path: '/workflows',
    summary: 'List workflows, by state, type or initiator',
    description: LIST,
    query: z.object({
      state: workflowState.optional(),
      workflowType: name,
      initiatedBy: name,
      limit,
      cursor: listCursor(workflowStatus.group.values),
    }),
    answer: workflowsPage,
    statuses: { 200: 'A page of workflows' },
    async handle({ query: { limit, cursor, ...filters } }, deps: ViewDeps) {
      const { views, next } = await listViews(
        workflowStatus,
        deps,
        { limit, cursor, filters },
        {
          workflowType: (view, type) => view.workflowType === type,
          initiatedBy: (view, initiator) => view.initiatedBy === initiator,
        },
      );
      return { status: 200, body: { workflows: views, next } };
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
    async handle({ params: { name, key }, query, signal }, deps: ViewDeps) {
      const projection = named(name, deps);
      if (isShared(projection)) return readSharedView(projection, key, query, deps, signal);
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
