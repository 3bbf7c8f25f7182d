import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Environment, FunctionName } from '../../functions/environment.ts';
import { acknowledge } from './acknowledge.ts';
import { type AlarmPlace, addAlarm, metricsNamespace } from './alarms.ts';

/** The bundled code of a function. */
export type FunctionCode = (name: FunctionName) => lambda.Code;

/** The settings of {@link ServiceFunction}. */
export interface ServiceFunctionProps<F extends FunctionName> extends AlarmPlace {
  readonly name: F;
  readonly code: FunctionCode;
  readonly description: string;
  readonly environment: Environment<F>;
  readonly timeout: Duration;
  readonly memoryMegabytes: number;
  /** Reserved invocations at once, which are also the limit. By default the function shares those of the account. */
  readonly reservedConcurrency?: number;
  /** All permissions besides logging and tracing. */
  readonly permissions: readonly iam.PolicyStatement[];
  /** The function runs a few times a day, so its alarm goes off at the first failure. */
  readonly isRare?: boolean;
}

/** The alarm of a busy function goes off at this many failures within {@link WINDOW}. */
const MAX_FAILURES = 5;
const WINDOW = Duration.minutes(5);

/**
 * The base of all Lambda functions: current Node on Arm, traced, with a separate log group and only the given permissions. It
 * has alarms for errors, which include crashes, time-outs and lack of memory, and for throttles.
 */
export class ServiceFunction<F extends FunctionName> extends lambda.Function {
  readonly name: F;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps<F>) {
    const { config, name, permissions } = props;
    const logGroup = new LogGroup(scope, `${id}Log`, {
      retention: config.logRetentionDays,
      removalPolicy: config.removalPolicy,
    });
    // Not the managed basic role, which may write to every log group of the account.
    const role = new iam.Role(scope, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    for (const statement of permissions) role.addToPolicy(statement);
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    super(scope, id, {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: props.code(name),
      handler: 'index.handler',
      role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      tracing: lambda.Tracing.ACTIVE,
      timeout: props.timeout,
      memorySize: props.memoryMegabytes,
      reservedConcurrentExecutions: props.reservedConcurrency,
      environment: {
        ...props.environment,
        ANNALS_CONFIG: JSON.stringify(config.eventSystem),
        POWERTOOLS_SERVICE_NAME: `annals-${name}`,
        POWERTOOLS_METRICS_NAMESPACE: metricsNamespace(config),
      },
    });
    acknowledge(
      role,
      'AwsSolutions-IAM5[Resource::*]',
      'xray:PutTraceSegments and xray:PutTelemetryRecords have no resource type in IAM, so * is the only resource they can be granted on. They can write traces, not read any; no other statement of this role names *.',
    );
    this.name = name;
    const rule = { subject: name, threshold: props.isRare ? 1 : MAX_FAILURES, periods: 1 };
    const window = { statistic: 'Sum', period: WINDOW };
    addAlarm(this, 'Errors', props, { ...rule, name: 'FunctionErrors', metric: this.metricErrors(window) });
    addAlarm(this, 'Throttles', props, { ...rule, name: 'FunctionThrottles', metric: this.metricThrottles(window) });
  }
}
