import * as z from 'zod';
import { route } from './route.ts';

export const projectionStatus = z
  .strictObject({
    name: z.string(),
    generation: z.int().positive().describe('Which build of the projection is served'),
    lag: z
      .number()
      .nonnegative()
      .nullable()
      .describe('Age of the oldest commit not applied, milliseconds; null if unknown'),
    deadLetters: z.int().nonnegative().nullable().describe('Events that could not be applied; null if unknown'),
  })
  .meta({ id: 'ProjectionStatus' });
export type ProjectionStatus = z.output<typeof projectionStatus>;

const check = z.enum(['ok', 'failing']);

export const health = z.strictObject({
  status: z.enum(['ok', 'degraded']),
  checks: z.record(z.string(), check).describe('Each part that was tried'),
  version: z.string(),
});
export type Health = z.output<typeof health>;

/** What was found out about the parts that the service stands on; nothing secret, anybody may read it. */
export type HealthReport = Pick<Health, 'checks' | 'version'>;

/** What the routes about the service itself need. */
export interface OperationDeps {
  readonly projectionStatus: () => Promise<readonly ProjectionStatus[]>;
  readonly health: () => Promise<HealthReport>;
}

export const operationQueries = [
  route({
    name: 'listProjections',
    method: 'GET',
    path: '/projections',
    summary: 'Every projection: generation, lag, dead letters',
    answer: z.strictObject({ projections: z.array(projectionStatus) }),
    statuses: { 200: 'The projections' },
    async handle(_, deps: OperationDeps) {
      return { status: 200, body: { projections: [...(await deps.projectionStatus())] } };
    },
  }),
  route({
    name: 'getHealth',
    method: 'GET',
    path: '/health',
    summary: 'Whether the service is well',
    auth: false,
    answer: health,
    statuses: { 200: 'Something works at least', 503: 'Nothing works' },
    async handle(_, deps: OperationDeps) {
      const { checks, version } = await deps.health();
      const results = Object.values(checks);
      const status = results.includes('failing') ? ('degraded' as const) : ('ok' as const);
      const dead = results.length > 0 && !results.includes('ok');
      return { status: dead ? 503 : 200, body: { status, checks, version } };
    },
  }),
];
