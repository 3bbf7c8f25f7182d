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
  /** Names of the clients that have a key and a quota of their own; with none, requests need no key. */
  clients: z.array(z.string().regex(/^[A-Za-z0-9-]{1,64}$/)),
  /** What each of them may ask for. */
  client: throttle.extend({ requestsPerDay: z.int().positive() }),
  /** False on emulators, whose CloudWatch knows no metric math: alarms that need it are left out. */
  metricMath: z.boolean(),
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

const options = { clients: [], metricMath: true, waf: false, trail: false, auditRetentionDays: 365 };
const small = {
  ...options,
  failedBatchRetentionDays: 14,
  gradualDeployment: false,
  throttle: { ratePerSecond: 100, burst: 200 },
  client: { ratePerSecond: 50, burst: 100, requestsPerDay: 1_000_000 },
};
const defaults: Record<Stage, Omit<StageSettings, 'stage'>> = {
  dev: { ...small, logRetentionDays: 7, removalPolicy: RemovalPolicy.DESTROY },
  staging: { ...small, gradualDeployment: true, logRetentionDays: 30, removalPolicy: RemovalPolicy.DESTROY },
  prod: {
    ...options,
    failedBatchRetentionDays: 365,
    gradualDeployment: true,
    throttle: { ratePerSecond: 1_000, burst: 2_000 },
    client: { ratePerSecond: 200, burst: 400, requestsPerDay: 10_000_000 },
    logRetentionDays: 365,
    removalPolicy: RemovalPolicy.RETAIN,
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
