import * as z from 'zod';
import type { AnyAggregate } from '../../application/aggregate.ts';
import { NotFoundError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { type AnyProjection, isShared, projectionNamed } from '../../core/projections/projection.ts';
import { wholeNumber } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { anyViewQuery, readView, type ViewSources } from './read-view.ts';
import { readRanking, readSharedView, type SharedViewSources } from './shared-views.ts';
import { aggregateViews, viewReading } from './view-routes.ts';

/** A view of any projection. */
const anyView = z.looseObject({
  version: z.int().positive().exactOptional().describe('Absent in views that many streams feed'),
});

/** The parts that the routes of views need. */
export interface ViewDeps extends SharedViewSources, ViewSources {
  readonly projections: readonly AnyProjection[];
}

/** The routes that read views, lists of views and rankings. */
export const viewQueries = (aggregates: readonly AnyAggregate[]): readonly Route<ViewDeps>[] => [
  ...aggregateViews(aggregates),
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
