import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';

const MINUTE = Duration.minutes(1);

/** Where CloudWatch keeps the metrics of a stage. */
export const metricsNamespace = ({ stage }: Config): string => `annals-${stage}`;

/** What an alarm needs of its stage. */
export interface AlarmPlace {
  readonly config: Config;
  /** Tells whoever is on call. */
  readonly alarmTopic: ITopic;
}

/** When somebody is told. Each has a heading of its name in docs/runbook.md. */
export interface AlarmRule {
  readonly name: string;
  /** Of which function, table or queue, when several have an alarm of this name. */
  readonly of?: string;
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
  /** Our functions write the metric also where `monitoring.metrics_enabled` is false. */
  readonly alwaysCounted?: true;
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

/** The sum of metrics. One that is silent counts as 0: without that, a sum with a silent metric in it is silent, too. */
export function sumOf(metrics: readonly cloudwatch.IMetric[], label: string): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  return new cloudwatch.MathExpression({ expression: filledSum(usingMetrics), usingMetrics, label, period: MINUTE });
}

/** `FILL(a, 0) + FILL(b, 0) + ...` over the ids of metrics. */
export const filledSum = (metrics: Readonly<Record<string, unknown>>): string =>
  Object.keys(metrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ');

/**
 * Has CloudWatch watch a condition and tell the stage's topic when it begins and when it is over. An alarm cannot be made
 * in another way, so that none is silent.
 * @returns nothing where the condition needs metrics that the stage does not have
 */
export function addAlarm(
  scope: Construct,
  id: string,
  { config, alarmTopic }: AlarmPlace,
  rule: AlarmRule,
): cloudwatch.Alarm | undefined {
  if (rule.metric instanceof cloudwatch.MathExpression && !config.metricMath) return undefined;
  const isOff = !config.eventSystem.monitoring.metrics_enabled && !rule.alwaysCounted;
  if (isOff && isOwn(config, rule.metric)) return undefined;
  const alarm = new cloudwatch.Alarm(scope, id, alarmProps(config, rule));
  alarm.addAlarmAction(new SnsAction(alarmTopic));
  alarm.addOkAction(new SnsAction(alarmTopic));
  return alarm;
}

/** Whether our functions write the metric, or one that it is made of. Nobody does where metrics are switched off. */
function isOwn(config: Config, metric: cloudwatch.IMetric): boolean {
  if (metric instanceof cloudwatch.Metric) return metric.namespace === metricsNamespace(config);
  if (!(metric instanceof cloudwatch.MathExpression)) return false;
  return Object.values(metric.usingMetrics).some((part) => isOwn(config, part));
}

function alarmProps(config: Config, { name, of, ...rule }: AlarmRule): cloudwatch.AlarmProps {
  const { ComparisonOperator, TreatMissingData } = cloudwatch;
  return {
    alarmName: `annals-${config.stage}-${name}${of === undefined ? '' : `-${of}`}`,
    alarmDescription: `docs/runbook.md, "${name}": meaning, first look, remedy`,
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
