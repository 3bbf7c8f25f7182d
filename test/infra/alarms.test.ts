import { readFileSync } from 'node:fs';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { variants } from '../../bin/templates/variants.ts';
import { functionNames } from '../../functions/environment.ts';
import { synthesize } from './synthesis.ts';

type Synthesis = ReturnType<typeof synthesize>;
const synthesized = variants.map((variant) => ({
  variant,
  synthesis: synthesize(variant.settings.stage, variant.annalsConfig, variant.settings),
}));
// biome-ignore lint/suspicious/noExplicitAny: a template's properties
type Properties = any;
interface Resource {
  readonly id: string;
  readonly template: Template;
  readonly properties: Properties;
}

const templatesOf = ({ app: _, ...templates }: Synthesis): Template[] => Object.values(templates);
const find = (synthesis: Synthesis, type: string): Resource[] =>
  templatesOf(synthesis).flatMap((template) =>
    Object.entries(template.findResources(type)).map(([id, { Properties: properties }]) => ({
      ...{ id, template, properties },
    })),
  );

/** What a value of a template names: a resource of the same template, or of another one that exports it. */
function resolve(synthesis: Synthesis, template: Template, value: Properties): { id: string; template: Template } {
  if (value.Ref) return { id: value.Ref, template };
  if (value['Fn::GetAtt']) return { id: value['Fn::GetAtt'][0], template };
  if (value['Fn::Select']) return resolve(synthesis, template, value['Fn::Select'][1]['Fn::Split'][1]); // a part of an ARN
  const name = value['Fn::ImportValue'];
  for (const other of templatesOf(synthesis)) {
    for (const output of Object.values(other.toJSON().Outputs ?? {}) as Properties[]) {
      if (output.Export?.Name === name) return resolve(synthesis, other, output.Value);
    }
  }
  throw new Error(`${JSON.stringify(value)} is of no template`);
}

const list = (value: unknown): unknown[] => [value].flat();

/** Whether a policy lets a service of AWS do something, for this account, and refuses it nowhere but without TLS. */
function lets(policy: Properties, service: string, action: RegExp): boolean {
  const statements = policy.Statement as Properties[];
  const refuses = statements.some(({ Effect, Condition }) => {
    return Effect === 'Deny' && JSON.stringify(Condition) !== '{"Bool":{"aws:SecureTransport":"false"}}';
  });
  const allows = statements.some(
    ({ Effect, Principal, Action, Condition }) =>
      Effect === 'Allow' &&
      list(Principal?.Service).includes(service) &&
      list(Action).some((one) => action.test(String(one))) &&
      JSON.stringify(Condition) === '{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}}',
  );
  return allows && !refuses;
}

const CLOUDWATCH = 'cloudwatch.amazonaws.com';

/** Whether an action reaches a topic that CloudWatch may publish to, with a key that it may use. */
function reaches(synthesis: Synthesis, template: Template, action: Properties): boolean {
  const topic = resolve(synthesis, template, action);
  const properties = topic.template.findResources('AWS::SNS::Topic')[topic.id]?.Properties;
  if (!properties) return false;
  const policies = Object.values(topic.template.findResources('AWS::SNS::TopicPolicy')).filter(({ Properties: own }) =>
    own.Topics.some(({ Ref }: Properties) => Ref === topic.id),
  );
  const key = resolve(synthesis, topic.template, properties.KmsMasterKeyId);
  const keyPolicy = key.template.findResources('AWS::KMS::Key')[key.id]?.Properties.KeyPolicy;
  return (
    policies.some(({ Properties: own }) => lets(own.PolicyDocument, CLOUDWATCH, /^sns:Publish$/)) &&
    [/^kms:GenerateDataKey\*?$/, /^kms:Decrypt$/].every((use) => lets(keyPolicy, CLOUDWATCH, use))
  );
}

/** The metrics that an alarm looks at, with their dimensions. */
const metricsOf = ({ properties }: Resource): { name: string; dimensions: Properties[] }[] =>
  properties.MetricName
    ? [{ name: properties.MetricName, dimensions: properties.Dimensions ?? [] }]
    : properties.Metrics.flatMap(({ MetricStat: of }: Properties) =>
        of ? [{ name: of.Metric.MetricName, dimensions: of.Metric.Dimensions ?? [] }] : [],
      );

/** The resources that an alarm on this metric looks at, as `template id`. */
function watched(synthesis: Synthesis, metric: string, dimension: string): Set<string> {
  const names = find(synthesis, 'AWS::CloudWatch::Alarm').flatMap((alarm) =>
    metricsOf(alarm)
      .filter(({ name }) => name === metric)
      .flatMap(({ dimensions }) => dimensions)
      .filter(({ Name }) => Name === dimension)
      .map(({ Value }) => resolve(synthesis, alarm.template, Value)),
  );
  return new Set(names.map(({ id, template }) => nameOf(synthesis, id, template)));
}
const nameOf = (synthesis: Synthesis, id: string, template: Template): string =>
  `${templatesOf(synthesis).indexOf(template)} ${id}`;
const allOf = (synthesis: Synthesis, type: string, isMeant: (properties: Properties) => boolean = () => true) =>
  find(synthesis, type)
    .filter(({ properties }) => isMeant(properties))
    .map(({ id, template }) => nameOf(synthesis, id, template));

describe.each(synthesized)('$variant.name', ({ variant: { settings, annalsConfig }, synthesis }) => {
  const alarms = find(synthesis, 'AWS::CloudWatch::Alarm');

  it('notifies the topic when any alarm begins and when it ends', () => {
    expect(alarms.length).toBeGreaterThan(40);
    const silent = alarms.filter(({ template, properties: { AlarmActions = [], OKActions = [] } }) =>
      [AlarmActions, OKActions].some(
        (actions) => !actions.some((action: unknown) => reaches(synthesis, template, action)),
      ),
    );
    expect(silent.map(({ properties }) => properties.AlarmName)).toEqual([]);
  });

  it.each(['Errors', 'Throttles'])('watches the %s of every function', (metric) => {
    // CDK's function that empties buckets runs when a stage is destroyed, and is none of ours.
    const functions = allOf(synthesis, 'AWS::Lambda::Function').filter(
      (id) => !id.includes('CustomS3AutoDeleteObjects'),
    );
    expect(functions).toHaveLength(functionNames.length);
    expect(watched(synthesis, metric, 'FunctionName')).toEqual(new Set(functions));
  });

  it.each(['ExecutionsFailed', 'ExecutionsTimedOut'])('watches the %s of every state machine', (metric) => {
    const machines = allOf(synthesis, 'AWS::StepFunctions::StateMachine');
    expect(machines).toHaveLength(3);
    expect(watched(synthesis, metric, 'StateMachineArn')).toEqual(new Set(machines));
  });

  it('watches every queue that something is put into when it failed', () => {
    const targets = templatesOf(synthesis).flatMap((template) => {
      const found: Properties[] = [];
      const search = (value: Properties, name = ''): void => {
        if (value === null || typeof value !== 'object') return;
        if (/^(DeadLetterConfig|OnFailure|RedrivePolicy)$/.test(name)) {
          found.push(value.Arn ?? value.Destination ?? value.deadLetterTargetArn ?? value.TargetArn);
        }
        for (const [member, inner] of Object.entries(value)) search(inner, member);
      };
      search(template.toJSON().Resources);
      return found.map((arn) => resolve(synthesis, template, arn));
    });
    const queues = targets.filter(({ id, template }) => id in template.findResources('AWS::SQS::Queue'));
    expect(queues.length).toBeGreaterThan(2);
    const names = queues.map(({ id, template }) => nameOf(synthesis, id, template));
    const filled = watched(synthesis, 'ApproximateNumberOfMessagesVisible', 'QueueName');
    // What waits is taken out at once to be tried again, so nothing is seen lying there.
    const tried = watched(synthesis, 'NumberOfMessagesSent', 'QueueName');
    expect([filled.size, tried.size]).toEqual([3, 1]);
    expect(filled.union(tried)).toEqual(new Set(names));
  });

  it('watches how old the stream gets for each consumer, and what Lambda gives up, drops and loses', () => {
    const consumers = allOf(synthesis, 'AWS::Lambda::EventSourceMapping', ({ BisectBatchOnFunctionError }) =>
      Boolean(BisectBatchOnFunctionError),
    );
    expect(consumers).toHaveLength(2);
    expect(watched(synthesis, 'IteratorAge', 'FunctionName').size).toBe(2);
    for (const metric of ['OnFailureDestinationDeliveredEventCount', 'DroppedEventCount']) {
      expect(watched(synthesis, metric, 'EventSourceMappingUUID')).toEqual(new Set(consumers));
    }
    const withDestination = find(synthesis, 'AWS::Lambda::EventInvokeConfig').length + consumers.length;
    expect(watched(synthesis, 'DestinationDeliveryFailures', 'FunctionName').size).toBe(withDestination);
  });

  it('watches every table, and each of its global indexes, for throttling', () => {
    const places = (alarm: Resource) =>
      metricsOf(alarm).flatMap(({ name, dimensions }) => {
        if (!/^(Read|Write)ThrottleEvents$/.test(name)) return [];
        const [table, index] = ['TableName', 'GlobalSecondaryIndexName'].map(
          (wanted) => dimensions.find(({ Name }) => Name === wanted)?.Value,
        );
        const { id, template } = resolve(synthesis, alarm.template, table);
        return [`${name} ${nameOf(synthesis, id, template)} ${index ?? ''}`];
      });
    const tables = find(synthesis, 'AWS::DynamoDB::Table').flatMap(({ id, template, properties }) =>
      ['', ...(properties.GlobalSecondaryIndexes ?? []).map(({ IndexName }: Properties) => IndexName)].flatMap(
        (index) => ['Read', 'Write'].map((kind) => `${kind}ThrottleEvents ${nameOf(synthesis, id, template)} ${index}`),
      ),
    );
    expect(tables.length).toBeGreaterThan(10);
    const expected = settings['metricMath'] === false ? [] : tables;
    expect(alarms.flatMap(places).toSorted()).toEqual(expected.toSorted());
  });

  it('has sums in which no silent metric hides the others, and of no more metrics than an alarm may have', () => {
    for (const { properties } of alarms) {
      const { Metrics = [] } = properties;
      const ids = Metrics.filter(({ MetricStat }: Properties) => MetricStat).map(({ Id }: Properties) => Id);
      expect(ids.length, properties.AlarmName).toBeLessThanOrEqual(10);
      const expression: string = Metrics.find(({ Expression }: Properties) => Expression)?.Expression ?? '';
      const bare = expression.replaceAll(/FILL\(\w+, 0\)/g, '');
      for (const id of ids) expect(bare, properties.AlarmName).not.toMatch(new RegExp(`\\b${id}\\b`));
    }
  });

  it('watches rules of the clock that cannot start anything', () => {
    const byClock = allOf(synthesis, 'AWS::Events::Rule', ({ ScheduleExpression }) => Boolean(ScheduleExpression));
    expect(byClock.length).toBeGreaterThan(2);
    expect(watched(synthesis, 'FailedInvocations', 'RuleName')).toEqual(new Set(byClock));
  });

  it('watches rules of the bus whose events can be lost, by the name of the bus and that of the rule', () => {
    const ofTheBus = allOf(synthesis, 'AWS::Events::Rule', ({ EventBusName }) => Boolean(EventBusName));
    expect(ofTheBus).toHaveLength(2);
    expect(watched(synthesis, 'InvocationsFailedToBeSentToDlq', 'RuleName')).toEqual(new Set(ofTheBus));
    const buses = allOf(synthesis, 'AWS::Events::EventBus');
    expect(watched(synthesis, 'InvocationsFailedToBeSentToDlq', 'EventBusName')).toEqual(new Set(buses));
  });

  it('waits for no metric that no function writes', () => {
    const own = alarms.filter(({ properties }) => JSON.stringify(properties).includes('"Namespace":"annals-'));
    const names = own.map(({ properties }) => properties.AlarmName.replace(/^annals-\w+-/, ''));
    if (annalsConfig?.event_system?.monitoring?.metrics_enabled === false) {
      expect(names.toSorted()).toEqual(['CommandFaults', 'OperateFaults', 'QueryFaults', 'WorkFaults']);
    } else expect(names.length).toBeGreaterThan(5);
  });
});

describe('the runbook', () => {
  const sections = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')
    .split(/^### /m)
    .slice(1);
  const headings = sections.map((section) => section.split('\n')[0] ?? '');
  const all = synthesized.flatMap(({ synthesis }) =>
    find(synthesis, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties),
  );

  it('has a heading for the name of each alarm, which the alarm points to, and every heading has an alarm', () => {
    const named = all.map(({ AlarmName }) => /^annals-\w+-([A-Za-z]+)/.exec(AlarmName)?.[1] ?? AlarmName);
    expect(new Set(headings)).toEqual(new Set(named));
    for (const { AlarmName, AlarmDescription } of all) {
      const [, heading] = /docs\/runbook\.md, "(\w+)"/.exec(AlarmDescription) ?? [];
      expect(AlarmName).toMatch(new RegExp(`^annals-\\w+-${heading}(-|$)`));
    }
  });

  it('has the meaning, the first look and the remedy of each', () => {
    for (const section of sections) {
      for (const part of ['**Meaning.**', '**First look.**', '**Remedy.**']) expect(section).toContain(part);
    }
  });
});
