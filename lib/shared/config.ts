import { RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as z from 'zod';
import { type AnnalsConfig, configureEventSystem, type EventSystem } from '../../core/base/configuration.ts';

/** A retention time in days that CloudWatch Logs accepts. */
const logRetention = z
  .int()
  .refine((days) => days in RetentionDays, 'is not a number of days that CloudWatch Logs can keep a log');

const throttle = z.strictObject({
  /** Most requests a second in the long run. */
  ratePerSecond: z.number().positive(),
  /** Requests that are accepted at once beyond the rate. */
  burst: z.int().positive(),
});

/** Concurrent executions of functions that Lambda wants to stay unreserved in every account. */
const UNRESERVED = 100;

const settingsSchema = z.strictObject({
  /** The start of every name, for several deployments in one account and region. */
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/),
  stage: z.enum(['dev', 'staging', 'prod']),
  logRetentionDays: logRetention,
  /** Days for which failed batches are kept for redrive. */
  failedBatchRetentionDays: z.int().min(1).max(3650),
  /** The throttle of the API, over all callers. */
  throttle,
  /** Names of the clients, each with a key and a daily quota. Without clients, requests need no key. */
  clients: z.array(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), {
    error:
      'prod needs `clients`: names, each with a key and a daily quota, or none (-c clients=<name>,<name> or -c clients=none)',
  }),
  /** Throttle and daily quota of each client. */
  client: throttle.extend({ requestsPerDay: z.int().positive() }),
  /** Most units a second of each table and index. They bound the costs of a runaway caller. */
  tables: z.strictObject({ readUnitsPerSecond: z.int().positive(), writeUnitsPerSecond: z.int().positive() }),
  /** Concurrent executions that the account may have in the region. A new account may have 10. */
  accountConcurrency: z.int().positive(),
  /**
   * Invocations at once that are reserved for each function behind the API, and its upper limit. {@link UNRESERVED} of the
   * account have to stay unreserved. By default, functions share the concurrency of the account.
   */
  reservedConcurrency: z
    .strictObject({
      command: z.int().positive(),
      query: z.int().positive(),
      operate: z.int().positive(),
      work: z.int().positive(),
    })
    .optional(),
  /** False on emulators without metric math; alarms that need metric math are left out. */
  metricMath: z.boolean(),
  /** False on emulators that cannot run CDK's function, which empties a bucket before its stack is destroyed. */
  emptyBuckets: z.boolean(),
  /** Hours between the starts of two verifications; 0 for verifications on request only. docs/cost.md has their costs. */
  verifyEveryHours: z
    .int()
    .min(0)
    .max(24 * 366),
  /** Whether a web ACL (AWS WAF) stands before the API. */
  waf: z.boolean(),
  /** Whether the role by which API Gateway writes logs is set, which exists once for each account and region. */
  apiGatewayLogRole: z.boolean(),
  /** Whether CloudTrail records each access to the tables and objects. */
  trail: z.boolean(),
  /** Days for which the records of CloudTrail are kept. */
  auditRetentionDays: z.int().min(1).max(3650),
  /** Whether functions behind the API move to a new version step by step, and back when it fails. */
  gradualDeployment: z.boolean(),
  /** Whether tables, keys and buckets stay when their stack is deleted. */
  removalPolicy: z.enum(RemovalPolicy),
});

/** What Lambda would refuse in the middle of a deployment is refused before it. */
const configSchema = settingsSchema.superRefine(({ accountConcurrency, reservedConcurrency = {} }, context) => {
  const reserved = Object.values(reservedConcurrency).reduce((sum, executions) => sum + executions, 0);
  if (reserved === 0 || reserved + UNRESERVED <= accountConcurrency) return;
  const message = `${reserved} concurrent executions are reserved and ${UNRESERVED} have to stay unreserved, the account has ${accountConcurrency}: ask AWS for more, or give -c reserve=false (\`reservedConcurrency: undefined\`)`;
  context.addIssue({ code: 'custom', path: ['reservedConcurrency'], message });
});

/** The settings of a stage on AWS. */
export type StageSettings = z.output<typeof configSchema>;
/** The name of a stage. */
export type Stage = StageSettings['stage'];

/** The configuration of a stage. */
export interface Config extends StageSettings {
  /** The settings of `annals.config.ts`, which the embedded engine has as well. */
  readonly eventSystem: EventSystem;
}

/** The start of the names of a stage's resources. */
export const nameOf = ({ name, stage }: Config): string => `${name}-${stage}`;

const options = {
  name: 'annals',
  apiGatewayLogRole: true,
  accountConcurrency: 1_000,
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
    // A request takes about 50 ms: 200 at once answer 4,000 a second, four times the throttle of the stage. A request
    // that waits for work takes up to 20 s, so 200 at once are 200 agents that wait.
    reservedConcurrency: { command: 200, query: 200, operate: 20, work: 200 },
    failedBatchRetentionDays: 365,
    gradualDeployment: true,
    throttle: { ratePerSecond: 1_000, burst: 2_000 },
    client: { ratePerSecond: 200, burst: 400, requestsPerDay: 10_000_000 },
    logRetentionDays: 365,
    // Resources of a failed first deployment are removed. Resources that were in use stay.
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  },
};

const stages = settingsSchema.shape.stage;

/**
 * The configuration of a stage: its defaults, overridden by `given`, and the settings of `annals.config.ts`.
 * @throws ZodError when a value of `given` is out of its range or a name is unknown
 * @throws ValidationError when a setting of `annals.config.ts` is
 */
export function configure(given: unknown, annalsConfig: AnnalsConfig = {}): Config {
  const { stage } = z.looseObject({ stage: stages }).parse(given);
  const settings = configSchema.parse({ ...defaults[stage], ...(given as object) });
  return { ...settings, eventSystem: configureEventSystem(annalsConfig) };
}
