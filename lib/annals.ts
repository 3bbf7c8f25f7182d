import { resolve } from 'node:path';
import { Aspects, Stack, Tags } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { AnnalsConfig } from '../core/base/configuration.ts';
import type { FunctionName } from '../functions/environment.ts';
import { Api } from './api/api.ts';
import { Audit } from './data/audit.ts';
import { Data } from './data/data.ts';
import { Bus } from './delivery/bus.ts';
import { Delivery } from './delivery/delivery.ts';
import { AlarmTopic } from './operations/alarm-topic.ts';
import { Operations } from './operations/operations.ts';
import { Replays } from './replay/replays.ts';
import { Sagas } from './sagas/sagas.ts';
import { Schedules } from './schedules/schedules.ts';
import { functionCode } from './shared/bundle.ts';
import { type Config, configure, nameOf, type StageSettings } from './shared/config.ts';
import { EncryptedLogs } from './shared/encrypted-logs.ts';
import { outlineOf } from './shared/outline.ts';
import { ServiceFunction } from './shared/service-function.ts';

/** The application of {@link Annals}, its settings, and the resources that are brought along. */
export interface AnnalsProps extends Partial<StageSettings> {
  /**
   * The module of the application, whose default export `defineAnnals` made: a path relative to the working directory, or an
   * absolute path. By default the application of agents, tasks and workflows.
   */
  readonly app?: string;
  /** Settings of the event system in this stage, setting by setting in place of those that the application declares. docs/configuration.md lists them. */
  readonly eventSystem?: AnnalsConfig['event_system'];
  /** The key that encrypts everything. By default events, views, bus, alarms and audit records have a key each. */
  readonly key?: IKey;
  /** The bus on which events are published. By default a bus with the name `<name>-<stage>`. */
  readonly bus?: IEventBus;
  /** The topic that gets all alarms. */
  readonly alarmTopic?: ITopic;
}

/**
 * Settings for emulators of AWS such as LocalStack: CloudWatch there knows no metric math, there is no CodeDeploy, and the
 * function that empties buckets cannot run.
 */
export const forEmulators = {
  metricMath: false,
  emptyBuckets: false,
  gradualDeployment: false,
} as const satisfies AnnalsProps;

/**
 * A stage of an application on AWS. In a stack, everything is made in that stack. Elsewhere, such as in an app or a stage of a
 * pipeline, each part gets a stack, `<name>-<stage>-data` and so on. Nothing outside of the construct is changed.
 * @throws ZodError when a setting is out of its range
 * @throws Error when the application cannot be bundled or loaded
 */
export class Annals extends Construct {
  readonly config: Config;
  readonly tables: Readonly<Record<'events' | 'views' | 'control' | 'log' | 'sagaTokens', Table>>;
  readonly buckets: Readonly<Record<'objects' | 'failures', Bucket>>;
  readonly bus: IEventBus;
  readonly api: RestApi;
  readonly functions: Readonly<Record<FunctionName, LambdaFunction>>;
  readonly alarmTopic: ITopic;
  /** The key of the events, with objects and failed batches. */
  readonly key: IKey;
  /** The key of all that is derived from events: views, logs, state machines. */
  readonly viewsKey: IKey;

  constructor(scope: Construct, id: string, props: AnnalsProps = {}) {
    super(scope, id);
    const { app, eventSystem = {}, key, bus: given, alarmTopic, ...settings } = props;
    const module = app === undefined ? undefined : resolve(app);
    const { routes, sagas: outlines, eventSystem: declared = {} } = outlineOf(module);
    const config = configure({ stage: 'dev', ...settings }, { event_system: merged(declared, eventSystem) });
    const code = functionCode(module);
    const place = new Places(this, config);

    const data = new Data(...place.of('Data', KEPT), { config, key, logGroups: place.logGroups });
    this.alarmTopic = alarmTopic ?? new AlarmTopic(...place.of('Alarms'), { config, key }).topic;
    const common = { config, alarmTopic: this.alarmTopic };
    const { bus, undelivered }: Channel = given
      ? { bus: given }
      : new Bus(...place.of('Bus', KEPT), { ...common, key });
    const parts = { ...common, data, bus, code };
    const replays = new Replays(...place.of('Replay', KEPT), parts);
    const delivery = new Delivery(...place.of('Delivery'), parts);
    const api = new Api(...place.of('Api'), { ...parts, delivery, routes, replayMachine: replays.machine });
    new Operations(...place.of('Operations'), { ...parts, api, delivery, undelivered });
    if (config.trail) new Audit(...place.of('Audit', KEPT), { config, data, key });
    new Schedules(...place.of('Schedules', KEPT), parts);
    const sagas = new Sagas(...place.of('Sagas', KEPT), { ...parts, sagas: outlines });

    this.config = config;
    this.bus = bus;
    this.key = data.key;
    this.viewsKey = data.viewsKey;
    this.tables = { ...data.tables, sagaTokens: sagas.tokens };
    this.buckets = { objects: data.objects, failures: delivery.failures };
    this.api = api.api;
    this.functions = functionsBelow(this);
    Aspects.of(this).add(new EncryptedLogs(data.viewsKey));
    Tags.of(this).add('service', config.name);
    Tags.of(this).add('stage', config.stage);
  }
}

type EventSystemSettings = NonNullable<AnnalsConfig['event_system']>;

/** The settings of an application, with those of a stage in their place. */
function merged(declared: EventSystemSettings, stage: EventSystemSettings): EventSystemSettings {
  const parts = Object.entries(stage).map(([part, settings]) => [
    part,
    { ...declared[part as keyof EventSystemSettings], ...settings },
  ]);
  return { ...declared, ...Object.fromEntries(parts) };
}

/** A bus, and the events that it could not deliver where the bus is made here. */
type Channel = { readonly bus: IEventBus } & Partial<Pick<Bus, 'undelivered'>>;

/** Of the stacks whose data or names must outlive a deletion by accident. */
const KEPT = true;

/** Where the parts are made. */
class Places {
  readonly #annals: Construct;
  readonly #config: Config;
  readonly #stack: Stack | undefined;

  constructor(annals: Construct, config: Config) {
    this.#annals = annals;
    this.#config = config;
    this.#stack = annals.node.scopes.find(Stack.isStack);
    // The stacks are deployed together, so that references by exports are checked; the default of an app may be another.
    if (!this.#stack) annals.node.setContext('@aws-cdk/core:defaultCrossStackReferences', 'strong');
  }

  /** The start of the names that CloudFormation gives to log groups. */
  get logGroups(): string {
    return `${this.#stack?.stackName ?? nameOf(this.#config)}-`;
  }

  /** The scope and the id of a part. Ids of the name `Default` are left out of logical ids. */
  of(part: string, kept = false): [scope: Construct, id: string] {
    if (this.#stack) return [this.#annals, part];
    const stackName = `${nameOf(this.#config)}-${part.toLowerCase()}`;
    const terminationProtection = kept && this.#config.stage === 'prod';
    return [new Stack(this.#annals, stackName, { stackName, terminationProtection }), 'Default'];
  }
}

function functionsBelow(annals: Construct): Record<FunctionName, LambdaFunction> {
  const found = annals.node.findAll().filter((construct) => construct instanceof ServiceFunction);
  return Object.fromEntries(found.map((made) => [made.name, made])) as Record<FunctionName, LambdaFunction>;
}
