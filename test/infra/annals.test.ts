import { type App, Aspects, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { CodePipeline, CodePipelineSource, ShellStep } from 'aws-cdk-lib/pipelines';
import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { Annals, type AnnalsProps } from '../../entry/cdk.ts';
import { functionNames } from '../../functions/environment.ts';
import { build, newApp } from './synthesis.ts';

/** CloudFormation's limit. */
const MAX_RESOURCES = 500;
const everyOption: AnnalsProps = { stage: 'prod', clients: ['team-a', 'ci'], waf: true, trail: true };
const optionSets: readonly (readonly [string, AnnalsProps])[] = [
  ['by default', {}],
  ['with every option', everyOption],
];

type Resources = Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>;

const resourcesOf = (stack: Stack): Resources => Template.fromStack(stack).toJSON()['Resources'];
const typesOf = (stack: Stack) => Object.values(resourcesOf(stack)).map(({ Type }) => Type);
const stacksBelow = (scope: App | Stage | Annals) => scope.node.findAll().filter(Stack.isStack);

/** A stack with Annals. */
function stackWith(props: AnnalsProps = {}) {
  const stack = new Stack(newApp(), 'Mine');
  return { stack, annals: new Annals(stack, 'Annals', props) };
}

describe('in a stack of the caller', () => {
  it.each(optionSets)('everything is made there, below the limit of resources (%s)', (_, props) => {
    const { stack } = stackWith(props);
    const types = typesOf(stack);
    expect(types.length).toBeGreaterThan(250);
    expect(types.length).toBeLessThan(MAX_RESOURCES - 10);
    expect(types).not.toContain('AWS::CloudFormation::Stack');
    expect(stacksBelow(stack.node.root as App)).toEqual([stack]);
  });

  it.each(optionSets)('the AWS Solutions rules have no finding (%s)', (_, props) => {
    expect(new AwsSolutionsChecks().validateScope(stackWith(props).stack).violations).toEqual([]);
  });

  it('CloudWatch Logs may use the key for groups that are named after the stack', () => {
    const { stack } = stackWith();
    const [policy] = Object.entries(resourcesOf(stack)).filter(([id]) => id.startsWith('AnnalsDataViewsKey'));
    expect(JSON.stringify(policy)).toMatch(/:log-group:Mine-\*/);
    expect(JSON.stringify(policy)).toMatch(/:log-group:\/aws\/vendedlogs\/states\/annals-dev-\*/);
  });

  it('what it made is there for the rest of the app, and in the outputs', () => {
    const { stack, annals } = stackWith();
    const { tables, buckets, functions, bus, api, alarmTopic, key, viewsKey } = annals;
    expect(Object.keys(functions).toSorted()).toEqual([...functionNames].toSorted());
    expect(Object.keys(tables)).toEqual(['events', 'views', 'control', 'log', 'sagaTokens']);
    const made = [...Object.values(tables), ...Object.values(buckets), ...Object.values(functions)];
    for (const resource of [...made, bus, api, alarmTopic, key, viewsKey]) expect(Stack.of(resource)).toBe(stack);

    const elsewhere = new Stack(stack.node.root as App, 'Elsewhere');
    const reader = new Role(elsewhere, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    tables.views.grantReadData(reader);
    bus.grantPutEventsTo(reader);
    const [policy] = Object.values(resourcesOf(elsewhere)).filter(({ Type }) => Type === 'AWS::IAM::Policy');
    expect(JSON.stringify(policy)).toMatch(/dynamodb:GetItem.*ImportValue.*AnnalsDataViews/);

    const outputs = Object.keys(Template.fromStack(stack).toJSON()['Outputs']);
    const names = [
      ...['DataEventsTable', 'DataLogTable', 'DataViewsTable', 'DataObjectsBucket', 'AlarmsAlarmTopic', 'BusEventBus'],
      ...['DeliveryFailuresBucket', 'DeliveryProjectorFunction', 'DeliveryRelayFunction', 'ApiApiUrl'],
      ...['SagasSagaTaskFunction', 'SagasSagaMachineArnPrefix'],
    ];
    for (const name of names)
      expect(
        outputs.filter((id) => id.startsWith(`Annals${name}`)),
        name,
      ).toHaveLength(1);
  });
});

describe('in an app or a stage', () => {
  it('each part has a stack, whose names and ids are those of stages that were deployed by earlier versions', () => {
    const { stacks } = build('prod', {}, { ...everyOption });
    const stateful = Object.entries(stacks).flatMap(([part, stack]) =>
      Object.entries(resourcesOf(stack))
        .filter(([, { Type }]) => STATEFUL.test(Type))
        .map(([id]) => `${stack.stackName === `annals-prod-${part}` ? part : stack.stackName} ${id}`),
    );
    expect(stateful.toSorted()).toEqual(deployed);
  });

  it('two stages are made side by side, and share no name', () => {
    const app = newApp();
    const [dev, prod] = [new Annals(app, 'Dev'), new Annals(app, 'Prod', everyOption)];
    const names = stacksBelow(app).map(({ stackName }) => stackName);
    expect(names).toHaveLength(stacksBelow(dev).length + stacksBelow(prod).length);
    expect(new Set(names).size).toBe(names.length);
    app.synth();
  });

  it('two of one stage share no name when they are named', () => {
    const app = newApp();
    const stacks = ['annals', 'billing'].map((name) => {
      const stack = new Stack(app, name);
      new Annals(stack, 'Annals', { name });
      return stack;
    });
    const [annals = [], billing = []] = stacks.map((stack) =>
      Object.values(resourcesOf(stack)).flatMap(({ Type, Properties = {} }) =>
        Object.entries(Properties)
          .filter(([property]) => /Name$/.test(property))
          .map(([property, name]) => `${Type} ${property} ${JSON.stringify(name)}`),
      ),
    );
    const given = (names: string[], name: string) => names.filter((text) => text.includes(`"${name}-dev`));
    expect(given(annals, 'annals').length).toBeGreaterThan(50);
    expect(given(billing, 'billing')).toEqual(
      given(annals, 'annals').map((text) => text.replaceAll('annals-dev', 'billing-dev')),
    );
    expect(given(billing, 'annals')).toEqual([]);
  });

  it('it follows the rules with the flags that CDK recommends', () => {
    const app = newApp(recommended);
    const stage = new Stage(app, 'Production', { env: { account: '123456789012', region: 'eu-central-1' } });
    const annals = new Annals(stage, 'Annals', everyOption);
    app.synth();
    expect(new AwsSolutionsChecks().validateScope(annals).violations).toEqual([]);
  });

  it('a pipeline deploys it', () => {
    const app = newApp();
    const stage = new Stage(app, 'Production', { env: { account: '123456789012', region: 'eu-central-1' } });
    const annals = new Annals(stage, 'Annals', { stage: 'prod', clients: [] });
    const pipeline = new CodePipeline(
      new Stack(app, 'Pipeline', { env: { account: '123456789012', region: 'eu-central-1' } }),
      'P',
      {
        synth: new ShellStep('Synth', {
          input: CodePipelineSource.connection('a/b', 'main', {
            connectionArn: 'arn:aws:codestar-connections:eu-central-1:123456789012:connection/1',
          }),
          commands: [],
        }),
        crossAccountKeys: true,
      },
    );
    pipeline.addStage(stage);
    const assembly = app.synth();
    const deployedByIt = assembly.getNestedAssembly('assembly-Production').stacks.map(({ stackName }) => stackName);
    expect(deployedByIt.toSorted()).toEqual(
      stacksBelow(annals)
        .map(({ stackName }) => stackName)
        .toSorted(),
    );
    expect(deployedByIt).toContain('annals-prod-data');
    const actions = JSON.stringify(assembly.getStackByName('Pipeline').template);
    for (const name of deployedByIt) expect(actions).toContain(`"StackName":"${name}"`);
  });
});

describe('outside of the construct', () => {
  const rulesOf = (app: App) => [Aspects.of(app).all, app.node.metadata].map((of) => of.length);

  /** A user's app with resources of the kinds that Annals has, beside it and in its stack. */
  function userApp(withAnnals: boolean) {
    const app = newApp();
    const [mine, sibling] = [new Stack(app, 'Mine'), new Stack(app, 'Sibling')];
    for (const stack of [mine, sibling]) {
      new LogGroup(stack, 'Log');
      new Bucket(stack, 'Bucket');
      new Topic(stack, 'Topic');
      new EventBus(stack, 'Bus');
    }
    const before = rulesOf(app);
    if (withAnnals) new Annals(mine, 'Annals', everyOption);
    const after = rulesOf(app);
    return { app, mine, sibling, before, after };
  }
  const [beside, alone] = [userApp(true), userApp(false)];

  it('nothing is changed: no resource beside it, no tag, no aspect, no rule of the app', () => {
    expect(Template.fromStack(beside.sibling).toJSON()).toEqual(Template.fromStack(alone.sibling).toJSON());
    expect(resourcesOf(beside.mine)).toMatchObject(resourcesOf(alone.mine));
    for (const [id, resource] of Object.entries(resourcesOf(alone.mine))) {
      expect(resourcesOf(beside.mine)[id]).toEqual(resource);
    }
    expect(beside.after).toEqual(beside.before);
    expect(beside.mine.tags.tagValues()).toEqual({});
    expect(Stack.of(beside.sibling).tags.tagValues()).toEqual({});
  });
});

describe('what is brought along', () => {
  it('is used, and nothing is made in its place', () => {
    const app = newApp();
    const own = new Stack(app, 'Own');
    const key = new Key(own, 'Key');
    const bus = new EventBus(own, 'Bus');
    const alarmTopic = new Topic(own, 'Topic');
    const given = { ...everyOption, key, bus, alarmTopic };
    const mine = new Stack(app, 'Mine');
    const inside = new Annals(mine, 'Annals', { ...given, name: 'inside' });
    const apart = new Annals(app, 'Apart', { ...given, name: 'apart' });
    for (const [annals, stacks] of [[inside, [mine]] as const, [apart, stacksBelow(apart)] as const]) {
      expect([annals.key, annals.viewsKey, annals.bus, annals.alarmTopic]).toEqual([key, key, bus, alarmTopic]);
      const types = stacks.flatMap(typesOf);
      for (const type of ['AWS::KMS::Key', 'AWS::Events::EventBus', 'AWS::SNS::Topic'])
        expect(types).not.toContain(type);
      const all = JSON.stringify(stacks.map(resourcesOf));
      expect(all).toMatch(/"KMSMasterKeyId":\{"Fn::ImportValue":"Own:ExportsOutputFnGetAttKey/);
      expect(all).toMatch(/"EVENT_BUS":\{"Fn::ImportValue":"Own:ExportsOutputRefBus/);
      expect(all).toMatch(/"AlarmActions":\[\{"Fn::ImportValue":"Own:ExportsOutputRefTopic/);
    }
    expect(JSON.stringify(resourcesOf(own))).toMatch(/log-group:Mine-\*.*log-group:apart-prod-\*/);
  });

  it('may be imported', () => {
    const stack = new Stack(newApp(), 'Mine');
    new Annals(stack, 'Annals', {
      key: Key.fromKeyArn(
        stack,
        'Key',
        'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000',
      ),
      bus: EventBus.fromEventBusName(stack, 'Bus', 'company'),
      alarmTopic: Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-central-1:123456789012:on-call'),
    });
    const rules = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::Events::Rule');
    expect(JSON.stringify(rules)).toMatch(
      /"EventBusName":"company","EventPattern":\{"source":\[\{"prefix":"annals\."\}\]/,
    );
  });
});

describe('what an account has once', () => {
  const once = ['AWS::ApiGateway::Account', 'AWS::CloudTrail::Trail', 'AWS::WAFv2::WebACL'];

  it('is made when it is asked for', () => {
    expect(once.filter((type) => typesOf(stackWith(everyOption).stack).includes(type))).toEqual(once);
    const { stack } = stackWith({ apiGatewayLogRole: false, waf: false, trail: false });
    expect(once.filter((type) => typesOf(stack).includes(type))).toEqual([]);
  });
});

/** Types whose replacement loses data, or fails because the new one collides with the old one. */
const STATEFUL =
  /^AWS::(DynamoDB::Table|S3::Bucket|KMS::Key|SQS::Queue|SNS::Topic|Events::EventBus|CloudTrail::Trail|ApiGateway::RestApi|StepFunctions::StateMachine|Lambda::EventSourceMapping)$/;

/** Stack and logical id of everything stateful in a deployed stage. A change here is a migration of every stage. */
const deployed = [
  'alarms Alarms04B5A0BF',
  'alarms Key961B73FD',
  'api ApiF70053CD',
  'audit Key961B73FD',
  'audit Records091F6ECA',
  'audit Trail022F0CF2',
  'bus BusEA82B648',
  'bus Key961B73FD',
  'bus UndeliveredF3CF66A9',
  'data Control42E771B2',
  'data EventsD32975C2',
  'data Key961B73FD',
  'data Log95422804',
  'data ObjectsA92BA4F1',
  'data ViewsC0DDE3FE',
  'data ViewsKey89312A6A',
  'delivery Failures8A3E1A2F',
  'delivery ProjectorStreamEFACAD23',
  'delivery RelayStreamF947DE2D',
  'operations After30s4FAAAF44',
  'operations HealthSqsEventSourceannalsprodoperationsAfter30sE469DB016D734D7F',
  'replay Machine6FC8AE80',
  'sagas EventsSqsEventSourceannalsprodsagasWaiting3715B31555334DAB',
  'sagas Tasks0BA6A452',
  'sagas UndeliveredF3CF66A9',
  'sagas WaitingC1D29F8D',
  'sagas multiagenttaskMachine71C09924',
  'sagas workflowMachine941AFA04',
  'schedules Calls3682725C',
  'schedules TimerSqsEventSourceannalsprodschedulesCalls60B59C87D54925DF',
  'schedules UndeliveredF3CF66A9',
];
