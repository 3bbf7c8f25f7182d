import type { Context } from 'aws-lambda';
import application from '#application';
import { type WorkDeps, workRoutes } from '../api/work.ts';
import { workOf } from '../application/work.ts';
import { admitsEveryClaim } from '../core/budgets/claims.ts';
import { compileLater } from '../core/schemas/compile-later.ts';
import { DEFAULT_CACHE_BYTES } from '../core/state/state-cache.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { budgetsOf } from './runtime/budgets.ts';
import { appDeps, httpHandler, scheduledHandler } from './runtime/handlers.ts';
import { readingParts } from './runtime/reading.ts';
import { metrics, readEnvironment, tracer } from './runtime/stage.ts';
import { controlIn } from './runtime/stores.ts';

const environment = readEnvironment('work');
const { histories, reading } = readingParts(environment, compileLater);
const { store, views, generations, sharedViews } = reading;

const states = new StateReader({ ...histories, cacheBytes: DEFAULT_CACHE_BYTES, metrics });
const budgets = budgetsOf({ store, states, views, sharedViews, generations });
const workItems = controlIn(environment.CONTROL_TABLE);
/** The longest pause between two looks at an empty inbox, milliseconds. */
const LONGEST_PAUSE_MS = 1_000;
const work = workOf(application, {
  ...{ store, states, workItems, views, generations },
  longestPauseMs: LONGEST_PAUSE_MS,
  admitsClaim: budgets?.admit ?? admitsEveryClaim,
});

const deps: WorkDeps = {
  ...appDeps,
  ...reading,
  states,
  aggregates: application.aggregates,
  trace: () => tracer.header,
  workItems,
  work,
};

const answer = httpHandler(workRoutes(application), deps);
const endLeases = scheduledHandler(async () => work?.leases.sweep());

/** Answers agents that look for work, take it and keep it; each minute it ends the leases that are over. */
export const handler = (event: Parameters<typeof answer>[0], context: Context) =>
  'httpMethod' in event ? answer(event, context) : endLeases(event, context);
