import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import { Alias, type Version } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { FunctionName } from '../../functions/environment.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import { type AlarmPlace, addAlarm, annalsMetric } from '../shared/alarms.ts';
import { nameOf } from '../shared/config.ts';
import type { ServiceFunction } from '../shared/service-function.ts';

/** A tenth of the requests go to a new version for five minutes. Then all requests do, unless the version failed. */
const CANARY = codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES;
const ALIAS = 'live';
const EACH_MINUTE = { statistic: 'Sum', period: Duration.minutes(1) };
/** A version is rolled back after at least this many failures within a minute. */
const MIN_FAILURES = 3;
/** A version is rolled back when at least 1 of this many requests fails. Short outages, which hit every version, stay below. */
const REQUESTS_PER_FAILURE = 20;

/** Deploys functions behind the API step by step: a version that fails is rolled back before most callers meet it. */
export class GradualDeployment {
  readonly #application: codedeploy.LambdaApplication;
  readonly #place: AlarmPlace;

  constructor(scope: Construct, place: AlarmPlace) {
    this.#place = place;
    this.#application = new codedeploy.LambdaApplication(scope, 'Deployment', {
      applicationName: nameOf(place.config),
    });
  }

  /**
   * Adds the alias of a function that callers use. It moves to a new version step by step, and back when that version
   * crashes (alarm `<name>Errors`) or answers 5xx (`<name>Faults`). Both alarms watch the new version alone, so that a
   * repair can be deployed while the old version fails.
   */
  addAlias(scope: Construct, name: string, handler: ServiceFunction<FunctionName>): Alias {
    const version = handler.currentVersion;
    const alias = new Alias(scope, `${name}Live`, { aliasName: ALIAS, version });
    const group = new codedeploy.LambdaDeploymentGroup(scope, `${name}Deployment`, {
      application: this.#application,
      alias,
      deploymentConfig: CANARY,
      alarms: [this.#crashes(scope, name, version), this.#faults(scope, name, handler, version)],
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
    });
    acknowledge(
      group.role ?? group,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      'CodeDeploy documents this managed policy, the limited one, for shifting traffic between versions of a function. Only codedeploy.amazonaws.com can assume the role.',
    );
    return alias;
  }

  #crashes(scope: Construct, name: string, version: Version): Alarm {
    const rule = {
      name: `${name}Errors`,
      metric: versionMetric(version, 'Errors'),
      threshold: MIN_FAILURES,
      periods: 1,
    };
    return needed(addAlarm(scope, rule.name, this.#place, rule));
  }

  /** Lambda counts an answer of 5xx as a success, so the function itself counts such answers, by its version. */
  #faults(scope: Construct, name: string, handler: ServiceFunction<FunctionName>, version: Version): Alarm {
    const { config } = this.#place;
    const labels = { version: version.version };
    const faults = annalsMetric(config, 'answered_faults_total', handler.name, 'Sum', labels);
    const part = new MathExpression({
      expression: `IF(FILL(faults, 0) >= ${MIN_FAILURES} AND FILL(faults, 0) * ${REQUESTS_PER_FAILURE} >= FILL(requests, 0), 1, 0)`,
      usingMetrics: { faults, requests: versionMetric(version, 'Invocations') },
      label: 'several requests failed, and more than a few in a hundred',
      period: EACH_MINUTE.period,
    });
    const condition = config.metricMath ? { metric: part, threshold: 1 } : { metric: faults, threshold: MIN_FAILURES };
    const rule = { name: `${name}Faults`, periods: 1, alwaysCounted: true, ...condition } as const;
    return needed(addAlarm(scope, rule.name, this.#place, rule));
  }
}

/** A metric of a version that gets a part of an alias's requests. Lambda publishes it while the alias has two versions. */
const versionMetric = ({ lambda, version }: Version, metricName: string) =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: {
      FunctionName: lambda.functionName,
      Resource: `${lambda.functionName}:${ALIAS}`,
      ExecutedVersion: version,
    },
    ...EACH_MINUTE,
  });

function needed(alarm: Alarm | undefined): Alarm {
  if (alarm) return alarm;
  throw new Error('a deployment cannot be rolled back without its alarms');
}
