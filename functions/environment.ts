import * as z from 'zod';

/**
 * The environment of each function: its deployment sets these names, its run time parses them. Every function has
 * `ANNALS_CONFIG` besides, the settings of annals.config.ts with their defaults; the AWS SDK, the logger and Lambda have their own.
 */
const name = z.string().min(1);

const eventsTable = { EVENTS_TABLE: name };
const viewsTable = { VIEWS_TABLE: name };
const controlTable = { CONTROL_TABLE: name };
const logTable = { LOG_TABLE: name };
const objectsBucket = { OBJECTS_BUCKET: name };
const eventBus = { EVENT_BUS: name };

const sagas = { ...eventsTable, ...objectsBucket, SAGA_TASKS_TABLE: name, SAGA_MACHINE_ARN_PREFIX: name };

export const environments = {
  command: z.object({ ...eventsTable, ...objectsBucket }),
  query: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket }),
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
  archiver: z.object({ ...eventsTable, ...viewsTable, ...logTable, ...objectsBucket }),
  verify: z.object({
    ...{ ...eventsTable, ...viewsTable, ...controlTable, ...logTable, ...objectsBucket },
    /** A number; 0 for verifications that are asked for only. */
    VERIFY_EVERY_HOURS: name,
  }),
  health: z.object({ ...eventsTable, ...viewsTable, ...controlTable, ...logTable }),
} as const;

export type FunctionName = keyof typeof environments;
export type Environment<F extends FunctionName> = z.output<(typeof environments)[F]>;

export const functionNames = Object.keys(environments) as readonly FunctionName[];
