import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import type { TestProject } from 'vitest/node';
import { emulatedApiUrl, emulatorEnvironment } from '../../bin/cloud/deploy.ts';
import { MiniStack } from '../../bin/cloud/ministack.ts';
import { cloudFolder } from '../../bin/cloud/shell.ts';

/** A deployed stage, as the tests get it by `inject('deployment')`. */
export interface Deployment {
  /** Without the slash at its end. */
  readonly apiUrl: string;
  readonly region: string;
  readonly eventsTable: string;
  readonly viewsTable: string;
  readonly eventBus: string;
  readonly sagaTaskFunction: string;
  readonly sagaMachineArnPrefix: string;
  readonly objectsBucket: string;
  readonly failuresBucket: string;
  readonly projectorFunction: string;
  readonly relayFunction: string;
  /** False on an account of AWS. */
  readonly emulated: boolean;
}

declare module 'vitest' {
  interface ProvidedContext {
    deployment: Deployment;
  }
}

const STACKS = ['data', 'bus', 'delivery', 'api', 'sagas'];

/** Gives the tests what {@link findDeployment} found. */
export default async function setup({ provide }: TestProject): Promise<void> {
  const deployment = await findDeployment();
  provide('deployment', deployment);
  process.stdout.write(`the stack at ${deployment.apiUrl}\n`);
}

/**
 * Finds what is deployed: on the account of `AWS_PROFILE` when that is set, else on the emulator of `AWS_ENDPOINT_URL`
 * or of `npm run cloud`. `ANNALS_STAGE` says which stage.
 * @throws Error that says what to run first
 */
export async function findDeployment(): Promise<Deployment> {
  const stage = process.env['ANNALS_STAGE'] ?? 'dev';
  const endpoint = process.env['AWS_PROFILE'] ? undefined : await emulator();
  if (endpoint) useOnly(endpoint);
  const outputs = await outputsOf(stage);
  const output = (name: string): string => {
    const value = outputs.get(name);
    if (value === undefined) throw new Error(`stage ${stage} has no output ${name}: deploy it anew`);
    return value;
  };
  const url = endpoint ? emulatedApiUrl(endpoint, output('ApiUrl')) : output('ApiUrl');
  return {
    apiUrl: url.replace(/\/$/, ''),
    region: process.env['AWS_REGION'] ?? /execute-api\.([^.]+)\./.exec(url)?.[1] ?? 'us-east-1',
    eventsTable: output('EventsTable'),
    viewsTable: output('ViewsTable'),
    eventBus: output('EventBus'),
    sagaTaskFunction: output('SagaTaskFunction'),
    sagaMachineArnPrefix: output('SagaMachineArnPrefix'),
    objectsBucket: output('ObjectsBucket'),
    failuresBucket: output('FailuresBucket'),
    projectorFunction: output('ProjectorFunction'),
    relayFunction: output('RelayFunction'),
    emulated: endpoint !== undefined,
  };
}

async function emulator(): Promise<string> {
  const endpoint = process.env['AWS_ENDPOINT_URL'] ?? (await new MiniStack(cloudFolder).endpoint());
  if (endpoint) return endpoint;
  throw new Error('nothing is deployed: run `npm run cloud` first, or set AWS_PROFILE and ANNALS_STAGE for an account');
}

/** The tests' processes inherit this, so that no request of theirs can go to an account. */
function useOnly(endpoint: string): void {
  for (const [name, value] of Object.entries(emulatorEnvironment(endpoint))) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

async function outputsOf(stage: string): Promise<Map<string, string>> {
  const client = new CloudFormationClient();
  const described = STACKS.map(async (part) => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: `annals-${stage}-${part}` }));
    return Stacks?.[0]?.Outputs ?? [];
  });
  const all = (await Promise.all(described)).flat();
  return new Map(all.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}
