import * as z from 'zod';
import { NotFoundError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { type AnyProjection, isShared, projectionNamed } from '../../core/projections/projection.ts';
import { agentStatus } from '../../domain/agent/agent-status.ts';
import { taskStatus } from '../../domain/task/task-status.ts';
import { workflowStatus } from '../../domain/workflow/workflow-status.ts';
import { agentState } from '../../events/agent.ts';
import { wholeNumber } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { anyViewQuery, readView, type ViewSources } from './read-view.ts';
import { readRanking, readSharedView, type SharedViewSources } from './shared-views.ts';
import { listRoute, viewReading, viewRoute } from './view-routes.ts';
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

/** The parts that the routes of views need. */
export interface ViewDeps extends SharedViewSources, ViewSources {
  readonly projections: readonly AnyProjection[];
}

/** A type or a name as a filter. */
const name = z.string().min(1).max(128).optional();
const LIST =
  'The list may be a moment behind. A view whose state changes between two pages may be in both or in neither. A page with filters or large views may have few items, or none, and still a `next`.';

const lists = [
  listRoute(agentStatus, {
    name: 'listAgents',
    path: '/agents',
    summary: 'List agents, by state, type, creator or parent',
    description: LIST,
    state: agentState,
    filters: {
      agentType: { value: name, passes: (view, type) => view.agentType === type },
      createdBy: { value: name, passes: (view, creator) => view.createdBy === creator },
      parentId: {
        value: id.optional().describe('The agent that they work for'),
        passes: (view, parentId) => view.parentId === parentId,
      },
    },
    answer: agentsPage,
    done: 'A page of agents',
  }),
  listRoute(taskStatus, {
    name: 'listTasks',
    path: '/tasks',
    summary: 'List tasks, by state or by a required agent',
    description: LIST,
    state: taskState,
    filters: {
      agentId: {
        value: id.optional().describe('An agent that the task requires'),
        passes: (view, agentId) => view.requiredAgents.includes(agentId),
      },
    },
    answer: tasksPage,
    done: 'A page of tasks',
  }),
  listRoute(workflowStatus, {
    name: 'listWorkflows',
    path: '/workflows',
    summary: 'List workflows, by state, type or initiator',
    description: LIST,
    state: workflowState,
    filters: {
      workflowType: { value: name, passes: (view, type) => view.workflowType === type },
      initiatedBy: { value: name, passes: (view, initiator) => view.initiatedBy === initiator },
    },
    answer: workflowsPage,
    done: 'A page of workflows',
  }),
];

const statuses = [
  viewRoute(agentStatus, {
    name: 'getAgent',
    path: '/agents/{agentId}',
    summary: 'The state, work and usage of an agent',
    answer: agentView,
  }),
  viewRoute(taskStatus, {
    name: 'getTask',
    path: '/tasks/{taskId}',
    summary: 'The state of a task, and the agents that answered',
    answer: taskView,
  }),
  viewRoute(workflowStatus, {
    name: 'getWorkflow',
    path: '/workflows/{workflowId}',
    summary: 'The progress of a workflow',
    answer: workflowView,
  }),
];

/** The routes that read views, lists of views and rankings. */
export const viewQueries: readonly Route<ViewDeps>[] = [
  ...lists,
  ...statuses,
  route({
    ...viewReading,
    name: 'getView',
    path: '/projections/{name}/{key}',
    summary: 'Any view, by its projection and its key',
    params: z.object({ name: id, key: id }),
    query: anyViewQuery,
    answer: anyView,
    async handle({ params: { name, key }, query, signal }, deps: ViewDeps) {
      const projection = projectionNamed(name, deps.projections);
      if (isShared(projection)) return readSharedView(projection, key, query, deps, signal);
      return readView(projection, key, query, deps);
    },
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
      const projection = projectionNamed(name, deps.projections);
      if (!isShared(projection))
        throw new NotFoundError(`${name} is not ranked; GET /projections/${name}/{key} has its views`);
      return readRanking(projection, limit, deps);
    },
  }),
];
