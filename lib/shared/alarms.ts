import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type Config, nameOf } from './config.ts';

const MINUTE = Duration.minutes(1);

/** The namespace of a stage's metrics in CloudWatch. */
export const metricsNamespace = nameOf;

/** The stage of an alarm. */
export interface AlarmPlace {
  readonly config: Config;
  /** The topic that notifies the people on call. */
  readonly alarmTopic: ITopic;
}

/** The condition of an alarm. docs/runbook.md has a heading for the name of each alarm. */
export interface AlarmRule {
  readonly name: string;
  /** The function, table or queue that the alarm watches, when several alarms have this name. */
  readonly subject?: string;
  readonly metric: cloudwatch.IMetric;
  /** The alarm goes off at this value or above; with `below`, under this value. */
  readonly threshold: number;
  /** Number of periods that are evaluated. */
  readonly periods: number;
  /** Number of these periods that have to be bad; all of them by default. */
  readonly badPeriods?: number;
  readonly below?: true;
  /** A period without data is bad. */
  readonly silenceIsBad?: true;
  /** The functions write the metric also where `monitoring.metrics_enabled` is false. */
  readonly alwaysCounted?: true;
}

/** A metric that a function of Annals writes, over all labels or with the given labels. */
export function annalsMetric(
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

/** The sum of metrics. A silent metric counts as 0, because it would otherwise make the whole sum silent. */
export function metricSum(metrics: readonly cloudwatch.IMetric[], label: string): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  return new cloudwatch.MathExpression({ expression: filledSum(usingMetrics), usingMetrics, label, period: MINUTE });
}

/** `FILL(a, 0) + FILL(b, 0) + ...` over the ids of metrics. */
export const filledSum = (metrics: Readonly<Record<string, unknown>>): string =>
  Object.keys(metrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ');

/**
 * Adds an alarm that notifies the stage's topic when the condition begins and when it ends. All alarms are made here, so
 * that each of them notifies the topic.
 * @returns undefined where the condition needs metrics that the stage does not have
 */
export function addAlarm(
  scope: Construct,
  id: string,
  { config, alarmTopic }: AlarmPlace,
  rule: AlarmRule,
): cloudwatch.Alarm | undefined {
  if (rule.metric instanceof cloudwatch.MathExpression && !config.metricMath) return undefined;
  const isOff = !config.eventSystem.monitoring.metrics_enabled && !rule.alwaysCounted;
  if (isOff && isAnnalsMetric(config, rule.metric)) return undefined;
  const alarm = new cloudwatch.Alarm(scope, id, alarmProps(config, rule));
  alarm.addAlarmAction(new SnsAction(alarmTopic));
  alarm.addOkAction(new SnsAction(alarmTopic));
  return alarm;
}

/** Whether functions of Annals write the metric or a part of it. They do not where metrics are switched off. */
function isAnnalsMetric(config: Config, metric: cloudwatch.IMetric): boolean {
  if (metric instanceof cloudwatch.Metric) return metric.namespace === metricsNamespace(config);
  if (!(metric instanceof cloudwatch.MathExpression)) return false;
  return Object.values(metric.usingMetrics).some((part) => isAnnalsMetric(config, part));
}

function alarmProps(config: Config, { name, subject, ...rule }: AlarmRule): cloudwatch.AlarmProps {
  const { ComparisonOperator, TreatMissingData } = cloudwatch;
  return {
    alarmName: `${nameOf(config)}-${name}${subject === undefined ? '' : `-${subject}`}`,
    alarmDescription: `docs/runbook.md, "${name}": meaning, first look, remedy`,
    metric: rule.metric,
    threshold: rule.threshold,
    evaluationPeriods: rule.periods,
    datapointsToAlarm: rule.badPeriods ?? rule.periods,
    comparisonOperator: rule.below
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: rule.silenceIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  };
}
