import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Environment, FunctionName } from '../../functions/environment.ts';
import { acknowledge } from './acknowledge.ts';
import { type AlarmPlace, addAlarm, metricsNamespace } from './alarms.ts';

/** Folder of a function's bundled code. */
export type FunctionCode = (name: FunctionName) => string;

export interface ServiceFunctionProps<F extends FunctionName> extends AlarmPlace {
  readonly name: F;
  readonly code: FunctionCode;
  readonly description: string;
  readonly environment: Environment<F>;
  readonly timeout: Duration;
  readonly memoryMegabytes: number;
  /** Invocations at once, at most; without it, as many as the account has left. */
  readonly reservedConcurrency?: number;
  /** All that it may do besides logging and tracing. */
  readonly permissions: readonly iam.PolicyStatement[];
  /** It works a few times a day, so the first failure counts. */
  readonly isRare?: boolean;
}

/** Failures within {@link WINDOW} that somebody is told of, when the function works all day. */
const SEVERAL = 5;
const WINDOW = Duration.minutes(5);

/**
 * A Lambda function as all of ours are: current Node on Arm, traced, with a log of its own and no permission unasked for. It has
 * alarms: Lambda counts crashes, time-outs and lack of memory as errors alike.
 */
export class ServiceFunction<F extends FunctionName> extends lambda.Function {
  readonly name: F;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps<F>) {
    const { config, name, permissions } = props;
    const logGroup = new LogGroup(scope, `${id}Log`, {
      retention: config.logRetentionDays,
      removalPolicy: config.removalPolicy,
    });
    // Not the managed basic role: that one may write to every log group of the account.
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
      code: lambda.Code.fromAsset(props.code(name)),
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
    const rule = { of: name, threshold: props.isRare ? 1 : SEVERAL, periods: 1 };
    const several = { statistic: 'Sum', period: WINDOW };
    addAlarm(this, 'Errors', props, { ...rule, name: 'FunctionErrors', metric: this.metricErrors(several) });
    addAlarm(this, 'Throttles', props, { ...rule, name: 'FunctionThrottles', metric: this.metricThrottles(several) });
  }
}
