import * as z from 'zod';

/**
 * The environment of each function: the deployment sets these variables, the function parses them. Every function also has
 * `ANNALS_CONFIG`, the settings of annals.config.ts with their defaults. The AWS SDK, the logger and Lambda read further
 * variables.
 */
const name = z.string().min(1);

const eventsTable = { EVENTS_TABLE: name };
const viewsTable = { VIEWS_TABLE: name };
const controlTable = { CONTROL_TABLE: name };
const logTable = { LOG_TABLE: name };
const objectsBucket = { OBJECTS_BUCKET: name };
const eventBus = { EVENT_BUS: name };

const sagas = { ...eventsTable, ...objectsBucket, SAGA_TOKENS_TABLE: name, SAGA_MACHINE_ARN_PREFIX: name };

export const environments = {
  command: z.object({ ...eventsTable, ...objectsBucket }),
  query: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket }),
  mcp: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket }),
  work: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket }),
  projector: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...objectsBucket }),
  operate: z.object({
    ...{ ...eventsTable, ...viewsTable, ...controlTable, ...eventBus, ...objectsBucket },
    REPLAY_STATE_MACHINE: name,
    FAILURES_BUCKET: name,
    PROJECTOR_FUNCTION: name,
    RELAY_FUNCTION: name,
  }),
  replay: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket }),
  relay: z.object({ ...eventsTable, ...viewsTable, ...logTable, ...eventBus, ...objectsBucket }),
  'saga-events': z.object(sagas),
  'saga-task': z.object(sagas),
  timer: z.object({
    ...{ ...eventsTable, ...viewsTable, ...controlTable, ...objectsBucket },
    SCHEDULE_GROUP: name,
    SCHEDULER_ROLE_ARN: name,
    TIMER_QUEUE_URL: name,
    TIMER_QUEUE_ARN: name,
    TIMER_FAILURES_ARN: name,
  }),
  archiver: z.object({ ...eventsTable, ...viewsTable, ...logTable, ...objectsBucket }),
  verify: z.object({
    ...{ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket },
    /** Hours between two verifications, a number; 0 for verifications on request only. */
    VERIFY_EVERY_HOURS: name,
  }),
  health: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable }),
} as const;

/** The name of a function: its file in this folder, without the ending. */
export type FunctionName = keyof typeof environments;
/** The environment of a function, parsed. */
export type Environment<F extends FunctionName> = z.output<(typeof environments)[F]>;

/** The names of all functions. */
export const functionNames = Object.keys(environments) as readonly FunctionName[];
