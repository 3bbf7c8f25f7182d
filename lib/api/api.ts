import { CfnOutput, Duration } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { FunctionName } from '../../functions/environment.ts';
import type { Data } from '../data/data.ts';
import {
  appendEvents,
  keepItems,
  nameCounters,
  operateOn,
  operateReplays,
  publishTo,
  readEventsAndViews,
  redriveBatches,
} from '../data/permissions.ts';
import { type Delivery, tableStreamArn } from '../delivery/delivery.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import type { AlarmPlace } from '../shared/alarms.ts';
import { type Config, nameOf } from '../shared/config.ts';
import type { Outline } from '../shared/outline.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { addMethod } from './api-method.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import { GradualDeployment } from './gradual-deployment.ts';
import { endLeasesByTheClock } from './lease-clock.ts';
import { addUsagePlan } from './usage-plan.ts';
import { addWebAcl } from './web-acl.ts';

/** The parts and settings that {@link Api} needs. */
export interface ApiProps extends AlarmPlace {
  readonly data: Data;
  readonly bus: IEventBus;
  readonly delivery: Delivery;
  /** The state machine that carries out replays. */
  readonly replayMachine: IStateMachine;
  /** The methods of the API, by the function that answers them. */
  readonly routes: Outline['routes'];
  readonly code: FunctionCode;
}

/** The HTTP API. API Gateway knows every method, so other requests never reach a function. */
export class Api extends Construct {
  readonly api: apigateway.RestApi;
  readonly command: ServiceFunction<'command'>;
  readonly query: ServiceFunction<'query'>;
  readonly operate: ServiceFunction<'operate'>;
  readonly mcp: ServiceFunction<'mcp'>;
  readonly work: ServiceFunction<'work'>;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    this.command = commandFunction(this, props);
    this.query = queryFunction(this, props);
    this.operate = operateFunction(this, props);
    this.mcp = mcpFunction(this, props);
    this.work = workFunction(this, props);
    for (const handler of [this.command, this.query, this.operate, this.mcp, this.work])
      props.data.objects.acknowledgeUse(handler, 'snapshots', 'large-events');
    for (const handler of [this.query, this.operate, this.mcp, this.work])
      props.data.objects.acknowledgeUse(handler, 'large-views');
    for (const handler of [this.query, this.mcp, this.work]) props.data.objects.acknowledgeUse(handler, 'log');
    props.delivery.failures.acknowledgeRedrive(this.operate);
    const gradual = props.config.gradualDeployment ? new GradualDeployment(this, props) : undefined;
    const live = (name: string, handler: ServiceFunction<FunctionName>) =>
      gradual?.addAlias(this, name, handler) ?? handler;
    const command = integrate(live('Command', this.command));
    const query = integrate(live('Query', this.query));
    const operate = integrate(live('Operate', this.operate));
    const mcp = integrate(this.mcp);
    const liveWork = live('Work', this.work);
    const work = integrate(liveWork);
    endLeasesByTheClock(this, liveWork, props);
    this.api = restApi(this, props.config);
    addGatewayResponses(this.api);
    const requestValidator = this.api.addRequestValidator('RequestValidator', {
      validateRequestBody: true,
      validateRequestParameters: true,
    });
    const common = { requestValidator, apiKeyRequired: props.config.clients.length > 0 };
    for (const route of props.routes.command) addMethod(this.api, route, { integration: command, ...common });
    for (const route of props.routes.query) addMethod(this.api, route, { integration: query, ...common });
    for (const route of props.routes.operate) addMethod(this.api, route, { integration: operate, ...common });
    for (const route of props.routes.mcp) addMethod(this.api, route, { integration: mcp, ...common });
    for (const route of props.routes.work) addMethod(this.api, route, { integration: work, ...common });
    addUsagePlan(this.api, props.config);
    if (props.config.waf) addWebAcl(this, this.api.deploymentStage);
    new CfnOutput(this, 'ApiUrl', { value: this.api.url });
  }
}

function commandFunction(scope: Construct, { config, alarmTopic, data, code }: ApiProps) {
  return new ServiceFunction(scope, 'Command', {
    ...{ config, alarmTopic },
    name: 'command',
    reservedConcurrency: config.reservedConcurrency?.command,
    description: 'Annals: takes commands and appends events',
    code,
    environment: { EVENTS_TABLE: data.events.tableName, OBJECTS_BUCKET: data.objects.bucketName },
    permissions: appendEvents(data),
    // Below the 29 s of API Gateway, so that a caller gets the function's answer.
    timeout: Duration.seconds(20),
    // Lambda gives CPU in proportion to memory, and CPU bounds a cold start.
    memoryMegabytes: 1024,
  });
}

function queryFunction(scope: Construct, { config, alarmTopic, data, code }: ApiProps) {
  return new ServiceFunction(scope, 'Query', {
    ...{ config, alarmTopic },
    name: 'query',
    reservedConcurrency: config.reservedConcurrency?.query,
    description: 'Annals: answers from views and history',
    code,
    environment: {
      ...data.tableNames,
      OBJECTS_BUCKET: data.objects.bucketName,
    },
    permissions: readEventsAndViews(data),
    timeout: Duration.seconds(28),
    memoryMegabytes: 1024,
  });
}

function operateFunction(scope: Construct, props: ApiProps) {
  const { config, alarmTopic, data, bus, replayMachine, code } = props;
  const { failures, projector, relay } = props.delivery;
  return new ServiceFunction(scope, 'Operate', {
    ...{ config, alarmTopic },
    name: 'operate',
    reservedConcurrency: config.reservedConcurrency?.operate,
    description: 'Annals: redrives what is stuck, and starts rebuilds and replays',
    code,
    environment: {
      EVENTS_TABLE: data.events.tableName,
      VIEWS_TABLE: data.views.tableName,
      CONTROL_TABLE: data.control.tableName,
      EVENT_BUS: bus.eventBusName,
      OBJECTS_BUCKET: data.objects.bucketName,
      REPLAY_STATE_MACHINE: replayMachine.stateMachineArn,
      FAILURES_BUCKET: failures.bucketName,
      PROJECTOR_FUNCTION: projector.functionName,
      RELAY_FUNCTION: relay.functionName,
    },
    permissions: [
      ...operateOn(data),
      ...operateReplays(data, replayMachine.stateMachineArn),
      ...publishTo(bus),
      ...redriveBatches(
        {
          failures,
          projector: projector.functionArn,
          relay: relay.functionArn,
          streamArn: tableStreamArn(data.events),
        },
        data.key,
      ),
    ],
    timeout: Duration.seconds(28),
    memoryMegabytes: 1024,
  });
}

function mcpFunction(scope: Construct, { config, alarmTopic, data, code }: ApiProps) {
  return new ServiceFunction(scope, 'Mcp', {
    ...{ config, alarmTopic },
    name: 'mcp',
    description: 'Annals: answers agents over MCP, whose tools read and write',
    code,
    environment: { ...data.tableNames, OBJECTS_BUCKET: data.objects.bucketName },
    permissions: [...appendEvents(data), ...readEventsAndViews(data)],
    timeout: Duration.seconds(28),
    memoryMegabytes: 1024,
  });
}

function workFunction(scope: Construct, { config, alarmTopic, data, code }: ApiProps) {
  return new ServiceFunction(scope, 'Work', {
    ...{ config, alarmTopic },
    name: 'work',
    reservedConcurrency: config.reservedConcurrency?.work,
    description: 'Annals: gives work to agents',
    code,
    environment: { ...data.tableNames, OBJECTS_BUCKET: data.objects.bucketName },
    permissions: [...appendEvents(data), ...readEventsAndViews(data), ...keepItems(data), nameCounters(data)],
    // A request may wait for work, below the 29 s of API Gateway.
    timeout: Duration.seconds(28),
    memoryMegabytes: 1024,
  });
}

/** A permission for each function, not two for each method: a function's policy of 20 KB holds about 40 methods. */
const integrate = (handler: lambda.IFunction) =>
  new apigateway.LambdaIntegration(handler, { scopePermissionToMethod: false });

function restApi(scope: Construct, config: Config): apigateway.RestApi {
  const accessLog = new LogGroup(scope, 'AccessLog', {
    retention: config.logRetentionDays,
    removalPolicy: config.removalPolicy,
  });
  const api = new apigateway.RestApi(scope, 'Api', {
    restApiName: nameOf(config),
    description: 'Annals: events, commands and views',
    endpointTypes: [apigateway.EndpointType.REGIONAL],
    // Telemetry in Protobuf. Without this, the bytes would be taken for text, which changes them.
    binaryMediaTypes: ['application/x-protobuf'],
    cloudWatchRole: config.apiGatewayLogRole,
    deployOptions: {
      stageName: config.stage,
      tracingEnabled: true,
      metricsEnabled: true,
      loggingLevel: apigateway.MethodLoggingLevel.ERROR,
      // Bodies hold the steps and thoughts of agents, which do not belong in a log.
      dataTraceEnabled: false,
      throttlingRateLimit: config.throttle.ratePerSecond,
      throttlingBurstLimit: config.throttle.burst,
      accessLogDestination: new apigateway.LogGroupLogDestination(accessLog),
      accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(accessLogFields)),
    },
    defaultMethodOptions: { authorizationType: apigateway.AuthorizationType.IAM },
  });
  acknowledge(
    api,
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
    'API Gateway takes one logging role for the whole account and region, checks that it can write any API’s logs, and documents this managed policy for it. Only apigateway.amazonaws.com can assume the role, and it holds logs actions only.',
  );
  if (!config.waf) {
    acknowledge(
      api.deploymentStage,
      'AwsSolutions-APIG3',
      'Requests must be signed (SigV4) before they reach any code; the one open method, GET /health, takes no input. The stage is throttled, methods, parameters and bodies are declared and checked, bodies are parsed strictly. A web ACL adds little against these callers and is charged by the request, so it is an option: -c waf=true.',
    );
  }
  return api;
}

/** Caller, route and outcome of each request. The route is the declared path, so logs have no ids and no query strings. */
const accessLogFields = {
  requestId: '$context.requestId',
  traceId: '$context.xrayTraceId',
  time: '$context.requestTimeEpoch',
  caller: '$context.identity.userArn',
  sourceIp: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  status: '$context.status',
  error: '$context.error.responseType',
  latencyMs: '$context.responseLatency',
  functionMs: '$context.integrationLatency',
  bytes: '$context.responseLength',
};
