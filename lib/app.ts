import { type App, Aspects, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type ApiRoutes, ApiStack } from './api/api-stack.ts';
import { AuditStack } from './data/audit-stack.ts';
import { DataStack } from './data/data-stack.ts';
import { BusStack } from './delivery/bus-stack.ts';
import { DeliveryStack } from './delivery/delivery-stack.ts';
import { AlarmTopicStack } from './operations/alarm-topic-stack.ts';
import { OperationsStack } from './operations/operations-stack.ts';
import { ReplayStack } from './replay/replay-stack.ts';
import type { SagaOutline } from './sagas/saga-machine.ts';
import { SagaStack } from './sagas/saga-stack.ts';
import type { Config } from './shared/config.ts';
import { EncryptedLogs } from './shared/encrypted-logs.ts';
import type { FunctionCode } from './shared/service-function.ts';

/** The settings, routes, sagas and code of a stage. */
export interface AnnalsProps {
  readonly config: Config;
  readonly routes: ApiRoutes;
  readonly sagas: readonly SagaOutline[];
  readonly code: FunctionCode;
}

/** The stacks of a stage. */
export interface AnnalsStacks {
  readonly alarms: AlarmTopicStack;
  readonly data: DataStack;
  readonly bus: BusStack;
  readonly replay: ReplayStack;
  readonly api: ApiStack;
  readonly delivery: DeliveryStack;
  readonly sagas: SagaStack;
  /** Only with the option `trail`. */
  readonly audit?: AuditStack;
  readonly operations: OperationsStack;
}

/** Adds a stage of Annals to an app. The synthesis fails when the AWS Solutions rules have a finding that is not acknowledged. */
export function addAnnals(app: App, { config, routes, sagas: outlines, code }: AnnalsProps): AnnalsStacks {
  const name = (part: string) => `annals-${config.stage}-${part}`;
  const terminationProtection = config.stage === 'prod';
  const data = new DataStack(app, name('data'), { config, terminationProtection });
  const alarms = new AlarmTopicStack(app, name('alarms'), { config });
  const place = { config, alarmTopic: alarms.topic };
  const bus = new BusStack(app, name('bus'), { ...place, terminationProtection });
  const replay = new ReplayStack(app, name('replay'), { ...place, data, code, terminationProtection });
  const delivery = new DeliveryStack(app, name('delivery'), { ...place, data, bus: bus.bus, code });
  const api = new ApiStack(app, name('api'), {
    ...{ ...place, data, bus: bus.bus, delivery, routes, code },
    replayMachine: replay.machine,
  });
  const operations = new OperationsStack(app, name('operations'), { ...place, data, bus, api, delivery, code });
  const audit = config.trail && new AuditStack(app, name('audit'), { config, data, terminationProtection });
  const sagas = new SagaStack(app, name('sagas'), {
    ...place,
    data,
    bus: bus.bus,
    sagas: outlines,
    code,
    terminationProtection,
  });
  Aspects.of(app).add(new EncryptedLogs(data.viewsKey));
  Tags.of(app).add('service', 'annals');
  Tags.of(app).add('stage', config.stage);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { alarms, data, bus, replay, api, delivery, sagas, operations, ...(audit ? { audit } : {}) };
}
