import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Config } from './config.ts';
import { metricsNamespace } from './service-function.ts';

const MINUTE = Duration.minutes(1);

/** When somebody is told. Each has a heading of its name in docs/runbook.md. */
export interface AlarmRule {
  readonly name: string;
  readonly metric: cloudwatch.IMetric;
  /** It is well below this. */
  readonly threshold: number;
  /** Of this many periods... */
  readonly periods: number;
  /** ...so many have to be bad; all of them by default. */
  readonly bad?: number;
  readonly below?: true;
  /** That nothing is measured is itself a bad sign. */
  readonly silenceIsBad?: true;
}

/** A metric that our functions write, of one function, over all labels. */
export function ownMetric(
  config: Config,
  name: string,
  service: string,
  statistic: string,
  labels: Readonly<Record<string, string>> = {},
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: metricsNamespace(config),
    metricName: name,
    dimensionsMap: { service: `annals-${service}`, ...labels },
    statistic,
    period: MINUTE,
  });
}

/** The sum of a metric over functions. */
export function sumOf(
  functions: readonly LambdaFunction[],
  metric: (of: LambdaFunction) => cloudwatch.IMetric,
  label: string,
): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(functions.map((one, index) => [`m${index}`, metric(one)]));
  return new cloudwatch.MathExpression({
    expression: Object.keys(usingMetrics).join('+'),
    usingMetrics,
    label,
    period: MINUTE,
  });
}

/** A condition that CloudWatch watches, under the rule's name. */
export function alarmProps(config: Config, rule: AlarmRule): cloudwatch.AlarmProps {
  const { ComparisonOperator, TreatMissingData } = cloudwatch;
  return {
    alarmName: `annals-${config.stage}-${rule.name}`,
    alarmDescription: `docs/runbook.md, "${rule.name}": meaning, first look, remedy`,
    metric: rule.metric,
    threshold: rule.threshold,
    evaluationPeriods: rule.periods,
    datapointsToAlarm: rule.bad ?? rule.periods,
    comparisonOperator: rule.below
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: rule.silenceIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  };
}
