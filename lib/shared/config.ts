import { RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as z from 'zod';
import { type AnnalsConfig, configureEventSystem, type EventSystem } from '../../core/base/configuration.ts';

/** The retention times that CloudWatch Logs knows; it refuses any other number of days. */
const logRetention = z
  .int()
  .refine((days) => days in RetentionDays, 'is not a number of days that CloudWatch Logs can keep a log');

const throttle = z.strictObject({
  /** Requests a second that the API takes in the long run, over all callers. */
  ratePerSecond: z.number().positive(),
  /** Requests that it takes at once on top of that. */
  burst: z.int().positive(),
});

const configSchema = z.strictObject({
  stage: z.enum(['dev', 'staging', 'prod']),
  logRetentionDays: logRetention,
  /** How long batches that could not be processed are kept for redrive. */
  failedBatchRetentionDays: z.int().min(1).max(3650),
  throttle,
  /** Names of the clients that have a key and a daily quota of their own; with none, requests need no key. */
  clients: z.array(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), {
    error: 'prod needs the names of its clients, each with a key and a daily quota: -c clients=<name>,<name>, or none',
  }),
  /** What each of them may ask for. */
  client: throttle.extend({ requestsPerDay: z.int().positive() }),
  /** Units that each table and index takes at most; they bound what a runaway caller costs. */
  tables: z.strictObject({ readUnitsPerSecond: z.int().positive(), writeUnitsPerSecond: z.int().positive() }),
  /**
   * Invocations at once that are kept for each function behind the API, and that it cannot exceed. The account has to keep
   * 100 beside all that are reserved. Without it, functions share what the account has.
   */
  reservedConcurrency: z
    .strictObject({ command: z.int().positive(), query: z.int().positive(), operate: z.int().positive() })
    .optional(),
  /** False on emulators, whose CloudWatch knows no metric math: alarms that need it are left out. */
  metricMath: z.boolean(),
  /** False on emulators, which cannot run CDK's function that empties a bucket before its stack is destroyed. */
  emptyBuckets: z.boolean(),
  /** From one start of a verification to the next; 0 for those that are asked for only. docs/cost.md says what one costs. */
  verifyEveryHours: z
    .int()
    .min(0)
    .max(24 * 366),
  /** Whether a web ACL (AWS WAF) stands before the API. */
  waf: z.boolean(),
  /** Whether CloudTrail records each access to the tables and objects. */
  trail: z.boolean(),
  /** How long its records are kept. */
  auditRetentionDays: z.int().min(1).max(3650),
  /** Whether functions behind the API move to a new version step by step, and back when it fails. */
  gradualDeployment: z.boolean(),
  /** What becomes of tables, keys and buckets when their stack goes. */
  removalPolicy: z.enum(RemovalPolicy),
});

type StageSettings = z.output<typeof configSchema>;
export type Stage = StageSettings['stage'];

export interface Config extends StageSettings {
  /** The settings that this and the embedded engine share. */
  readonly eventSystem: EventSystem;
}

const options = {
  verifyEveryHours: 24,
  metricMath: true,
  emptyBuckets: true,
  waf: false,
  trail: false,
  auditRetentionDays: 365,
};
const small = {
  ...options,
  clients: [],
  tables: { readUnitsPerSecond: 4_000, writeUnitsPerSecond: 1_000 },
  failedBatchRetentionDays: 14,
  gradualDeployment: false,
  throttle: { ratePerSecond: 100, burst: 200 },
  client: { ratePerSecond: 50, burst: 100, requestsPerDay: 1_000_000 },
};
const defaults: Record<Stage, Omit<StageSettings, 'stage' | 'clients'> & { clients?: string[] }> = {
  dev: { ...small, logRetentionDays: 7, removalPolicy: RemovalPolicy.DESTROY },
  staging: { ...small, gradualDeployment: true, logRetentionDays: 30, removalPolicy: RemovalPolicy.DESTROY },
  prod: {
    ...options,
    tables: { readUnitsPerSecond: 40_000, writeUnitsPerSecond: 20_000 },
    // A request takes about 50 ms: 200 at once answer 4,000 a second, four times what the stage's throttle lets through.
    reservedConcurrency: { command: 200, query: 200, operate: 20 },
    failedBatchRetentionDays: 365,
    gradualDeployment: true,
    throttle: { ratePerSecond: 1_000, burst: 2_000 },
    client: { ratePerSecond: 200, burst: 400, requestsPerDay: 10_000_000 },
    logRetentionDays: 365,
    // What a first deployment made before it failed is removed again; what was once in use stays.
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  },
};

const stages = configSchema.shape.stage;

/**
 * The configuration of a stage: its defaults, with what is given instead, and what `annals.config.ts` says.
 * @throws ZodError, or for the latter ValidationError, when a value is out of its range or a name is unknown
 */
export function configure(given: unknown, annalsConfig: AnnalsConfig = {}): Config {
  const { stage } = z.looseObject({ stage: stages }).parse(given);
  const settings = configSchema.parse({ ...defaults[stage], ...(given as object) });
  return { ...settings, eventSystem: configureEventSystem(annalsConfig) };
}
