import application from '#application';
import { type QueryDeps, queryRoutes } from '../api/queries.ts';
import { DeadLetters } from '../core/publishing/dead-letters.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { checkHealth, withDamage } from '../core/telemetry/health.ts';
import manifest from '../package.json' with { type: 'json' };
import { appDeps, httpHandler } from './runtime/handlers.ts';
import { healthChecks } from './runtime/health.ts';
import { readingParts } from './runtime/reading.ts';
import { damage, readEnvironment } from './runtime/stage.ts';

const environment = readEnvironment('query');
const { histories, reading } = readingParts(environment);
const { store, views, generations, projections } = reading;
const live = (projection: string) => generations.live(projection);

const deps: QueryDeps = {
  ...appDeps,
  ...reading,
  states: new StateReader(histories),
  deadLetters: new DeadLetters({ projections, store, views, live }),
  projectionStatus: async () =>
    Promise.all(
      projections.map(async ({ name }) => {
        const generation = await live(name);
        return { name, generation, lag: null, deadLetters: await views.countParked(name, generation) };
      }),
    ),
  health: async () => ({
    ...withDamage(await checkHealth(healthChecks(environment)), damage.reasons()),
    version: manifest.version,
  }),
};

/** Answers requests that read: views, streams, the log, the service's health and description. */
export const handler = httpHandler(queryRoutes(application), deps);
