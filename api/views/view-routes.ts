import * as z from 'zod';
import type { AggregateView, AnyAggregate, ListFilter } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import type { ProjectionOf } from '../../core/projections/projection.ts';
import { pascalCase } from '../http/names.ts';
import { limit, nextPage } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { type ListDeps, listCursor, listViews } from './lists.ts';
import { readView, type ViewSources, viewQuery } from './read-view.ts';

/** The members that every route of a view has. */
export const viewReading = {
  method: 'GET',
  statuses: { 200: 'The view' },
  viewVersion: true,
  errors: ['NOT_FOUND', 'VIEW_BEHIND', 'CORRUPT_DATA'],
} as const;

const LIST =
  'The list may be a moment behind. A view whose state changes between two pages may be in both or in neither. A page with filters or large views may have few items, or none, and still a `next`.';

/** The routes of the aggregates' views and of their lists. */
export const aggregateViews = (aggregates: readonly AnyAggregate[]): readonly Route<ListDeps & ViewSources>[] =>
  aggregates.flatMap(({ aggregateType, plural, view }) =>
    view ? [aggregateList(aggregateType, plural, view), aggregateView(aggregateType, plural, view)] : [],
  );

function aggregateView(aggregateType: string, plural: string, view: AggregateView): Route<ViewSources> {
  const idName = `${aggregateType}Id`;
  return route({
    ...viewReading,
    name: `get${pascalCase(aggregateType)}`,
    path: `/${plural}/{${idName}}`,
    summary: view.summary ?? `The view of ${aggregateType} streams: ${view.projection.name}`,
    params: z.object({ [idName]: id }),
    query: viewQuery,
    answer: viewSchema(aggregateType, view),
    handle: ({ params, query }, deps: ViewSources) => readView(view.projection, id.parse(params[idName]), query, deps),
  });
}

function aggregateList(aggregateType: string, plural: string, view: AggregateView): Route<ListDeps> {
  const { projection, filters = {}, listSummary = `List ${plural}, by state` } = view;
  return listRoute(projection, {
    name: `list${pascalCase(plural)}`,
    path: `/${plural}`,
    summary: listSummary,
    description: LIST,
    state: z.enum(projection.group.values as [string, ...string[]]),
    filters,
    answer: z.strictObject({ [plural]: z.array(viewSchema(aggregateType, view)), next: nextPage }),
    done: `A page of ${plural}`,
  });
}

/** The document names the schema of a view, so each view has a single schema. */
const schemas = new WeakMap<AggregateView, z.ZodType<object>>();

/** The schema of the view of an aggregate, as its routes answer. */
export function viewSchema(aggregateType: string, view: AggregateView): z.ZodType<object> {
  const version = z.int().positive().describe('The sequence number of the last applied event');
  const own =
    schemas.get(view) ??
    (view.schema?.() ?? z.looseObject({})).extend({ version }).meta({ id: `${pascalCase(aggregateType)}View` });
  schemas.set(view, own);
  return own;
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
  readonly filters: Readonly<Record<string, ListFilter<View>>>;
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
  const values = Object.fromEntries(entries.map(([name, { value }]) => [name, value.optional()]));
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
