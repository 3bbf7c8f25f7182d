import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import { Alias, type Version } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { FunctionName } from '../../functions/environment.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import { type AlarmPlace, addAlarm, ownMetric } from '../shared/alarms.ts';
import type { ServiceFunction } from '../shared/service-function.ts';

/** A tenth of the requests go to a new version for five minutes; then all do, unless it failed. */
const CANARY = codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES;
const ALIAS = 'live';
const EACH_MINUTE = { statistic: 'Sum', period: Duration.minutes(1) };
/** Failures of a new version within a minute that are no accident. */
const SEVERAL = 3;
/** Part of a new version's requests that may fail, one in so many: what a hiccup of a service does to both versions takes none back. */
const ONE_IN = 20;

/** Deploys functions that answer requests so that a version that fails is taken back before most callers meet it. */
export class GradualDeployment {
  readonly #application: codedeploy.LambdaApplication;
  readonly #place: AlarmPlace;

  constructor(scope: Construct, place: AlarmPlace) {
    this.#place = place;
    this.#application = new codedeploy.LambdaApplication(scope, 'Deployment', {
      applicationName: `annals-${place.config.stage}`,
    });
  }

  /**
   * The alias of a function that callers are to use. It moves to a new version step by step, and back when that version
   * crashes (alarm `<name>Errors`) or answers 5xx (`<name>Faults`). Both look at the new version alone: while the old one fails, a
   * mended one can be deployed.
   */
  aliasOf(scope: Construct, name: string, handler: ServiceFunction<FunctionName>): Alias {
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
    const rule = { name: `${name}Errors`, metric: ofVersion(version, 'Errors'), threshold: SEVERAL, periods: 1 };
    return needed(addAlarm(scope, rule.name, this.#place, rule));
  }

  /** Lambda takes an answer of 5xx for a success, so the function itself counts those, by its version. */
  #faults(scope: Construct, name: string, handler: ServiceFunction<FunctionName>, version: Version): Alarm {
    const { config } = this.#place;
    const labels = { version: version.version };
    const faults = ownMetric(config, 'answered_faults_total', handler.name, 'Sum', labels);
    const part = new MathExpression({
      expression: `IF(FILL(faults, 0) >= ${SEVERAL} AND FILL(faults, 0) * ${ONE_IN} >= FILL(requests, 0), 1, 0)`,
      usingMetrics: { faults, requests: ofVersion(version, 'Invocations') },
      label: 'several requests failed, and more than a few in a hundred',
      period: EACH_MINUTE.period,
    });
    const condition = config.metricMath ? { metric: part, threshold: 1 } : { metric: faults, threshold: SEVERAL };
    const rule = { name: `${name}Faults`, periods: 1, alwaysCounted: true, ...condition } as const;
    return needed(addAlarm(scope, rule.name, this.#place, rule));
  }
}

/** What a version did that an alias sent a part of the requests to. Lambda publishes it while there are two versions. */
const ofVersion = ({ lambda, version }: Version, metricName: string) =>
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
  throw new Error('a deployment cannot be taken back without its alarms');
}
