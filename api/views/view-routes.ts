import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import type { ProjectionOf } from '../../core/projections/projection.ts';
import { limit } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { type ListDeps, listCursor, listViews } from './lists.ts';
import { readView, type ViewSources, viewQuery } from './read-view.ts';

interface ViewDeclaration {
  readonly name: string;
  /** The last part is the id of the view's stream: `/agents/{agentId}`. */
  readonly path: `/${string}/{${string}}`;
  readonly summary: string;
  readonly answer: z.ZodType;
}

/** The members that every route of a view has. */
export const viewReading = {
  method: 'GET',
  statuses: { 200: 'The view' },
  viewVersion: true,
  errors: ['NOT_FOUND', 'VIEW_BEHIND', 'CORRUPT_DATA'],
} as const;

/** Declares the route that gets a view by the id of its stream. */
export function viewRoute<View extends object>(
  projection: ProjectionOf<View>,
  declaration: ViewDeclaration,
): Route<ViewSources> {
  const idName = declaration.path.slice(declaration.path.lastIndexOf('{') + 1, -1);
  return route({
    ...declaration,
    ...viewReading,
    params: z.object({ [idName]: id }),
    query: viewQuery,
    handle: ({ params, query }, deps: ViewSources) => readView(projection, id.parse(params[idName]), query, deps),
  });
}

/** A filter of a list: the values that it takes, and the views that pass. */
interface Filter<View> {
  readonly value: z.ZodOptional<z.ZodType<string, string>>;
  readonly passes: (view: View, value: string) => boolean;
}

interface ListDeclaration<View> {
  readonly name: string;
  /** The plural is also the name of the views in the answer. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description: string;
  /** The groups of the projection. */
  readonly state: z.ZodType<string, string>;
  /** Besides `state`. */
  readonly filters: Readonly<Record<string, Filter<View>>>;
  readonly answer: z.ZodObject;
  /** The meaning of the answer. */
  readonly done: string;
}

/** Declares the route that lists the views of a projection. */
export function listRoute<View extends object>(
  projection: ProjectionOf<View>,
  { state, filters, done, ...declaration }: ListDeclaration<View>,
): Route<ListDeps> {
  const entries = Object.entries(filters);
  const matches = Object.fromEntries(entries.map(([name, { passes }]) => [name, passes]));
  const values = Object.fromEntries(entries.map(([name, { value }]) => [name, value]));
  return route({
    ...declaration,
    method: 'GET',
    query: z.object({ state: state.optional(), ...values, limit, cursor: listCursor(projection.group.values) }),
    statuses: { 200: done },
    async handle({ query: { limit, cursor, ...given } }, deps: ListDeps) {
      const { views, next } = await listViews(projection, deps, { limit, cursor, filters: given }, matches);
      return { status: 200, body: { [declaration.path.slice(1)]: views, next } };
    },
  });
}
