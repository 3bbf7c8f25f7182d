import { Duration } from 'aws-cdk-lib';
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import { Alias, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge } from '../shared/acknowledge.ts';
import { alarmProps } from '../shared/alarms.ts';
import type { Config } from '../shared/config.ts';

/** A tenth of the requests go to a new version for five minutes; then all do, unless it failed. */
const CANARY = codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES;

/** Deploys functions that answer requests so that a version that fails is taken back before most callers meet it. */
export class GradualDeployment {
  readonly #application: codedeploy.LambdaApplication;
  readonly #config: Config;

  constructor(scope: Construct, config: Config) {
    this.#config = config;
    this.#application = new codedeploy.LambdaApplication(scope, 'Deployment', {
      applicationName: `annals-${config.stage}`,
    });
  }

  /**
   * The alias of a function that callers are to use. It moves to a new version step by step, and back when the alarm
   * `<name>Errors` goes off meanwhile.
   */
  aliasOf(scope: Construct, name: string, handler: LambdaFunction): Alias {
    const alias = new Alias(scope, `${name}Live`, { aliasName: 'live', version: handler.currentVersion });
    const metric = alias.metricErrors({ statistic: 'Sum', period: Duration.minutes(1) });
    const alarm = new Alarm(
      scope,
      `${name}Errors`,
      alarmProps(this.#config, { name: `${name}Errors`, metric, threshold: 3, periods: 1 }),
    );
    const group = new codedeploy.LambdaDeploymentGroup(scope, `${name}Deployment`, {
      application: this.#application,
      alias,
      deploymentConfig: CANARY,
      alarms: [alarm],
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
    });
    acknowledge(
      group.role ?? group,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      'CodeDeploy documents this managed policy, the limited one, for shifting traffic between versions of a function. Only codedeploy.amazonaws.com can assume the role.',
    );
    return alias;
  }
}
