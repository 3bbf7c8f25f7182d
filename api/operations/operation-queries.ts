import * as z from 'zod';
import type { HealthReport } from '../../core/telemetry/health.ts';
import { route } from '../http/route.ts';

/** The status of a projection. */
export const projectionStatus = z
  .strictObject({
    name: z.string(),
    generation: z.int().positive().describe('The generation that readers get'),
    lag: z
      .number()
      .nonnegative()
      .nullable()
      .describe('Age of the oldest commit not applied, milliseconds; null if unknown'),
    deadLetters: z.int().nonnegative().nullable().describe('Events that could not be applied; null if unknown'),
  })
  .meta({ id: 'ProjectionStatus' });
export type ProjectionStatus = z.output<typeof projectionStatus>;

const check = z.enum(['ok', 'slow', 'failing']);

/** The health of the service. */
export const health = z.strictObject({
  status: z.enum(['ok', 'degraded', 'down']),
  checks: z
    .record(z.string(), check)
    .describe('Each part that was tried; `data` when the process has met damaged data since its start'),
  reasons: z.array(z.string()).optional().describe('Faults of the data, and what to do'),
  version: z.string(),
});

/** The parts that the routes of the service need. */
export interface OperationDeps {
  readonly projectionStatus: () => Promise<readonly ProjectionStatus[]>;
  /** The checks of the service. Everybody may read them, so they hold no secret. */
  readonly health: () => Promise<HealthReport & { readonly version: string }>;
}

/** The routes of projections and of the service's health. */
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
    summary: 'The health of the service',
    auth: false,
    answer: health,
    statuses: { 200: 'The service works, at least in part', 503: 'The store cannot be read' },
    async handle(_, deps: OperationDeps) {
      const { reasons, ...health } = await deps.health();
      const body = { ...health, ...(reasons ? { reasons: [...reasons] } : {}) };
      return { status: body.status === 'down' ? 503 : 200, body };
    },
  }),
];
