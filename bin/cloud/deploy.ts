import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import type { Stage } from '../../lib/shared/config.ts';
import { type RunOptions, run } from './shell.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cdklocal = join(root, 'node_modules', '.bin', 'cdklocal');

const stackOutputs = z.record(z.string(), z.record(z.string(), z.string()));

/** The outputs of all stacks, by name. */
export type Outputs = Readonly<Record<string, string>>;

/**
 * The environment for an emulator: its address, and keys, of which it takes any. It overrides the caller's AWS settings, so
 * that a deployment for the emulator cannot reach a real account.
 */
export function emulatorEnvironment(endpoint: string): Record<string, string | undefined> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_S3_FORCE_PATH_STYLE: 'true',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SESSION_TOKEN: undefined,
    AWS_PROFILE: undefined,
    AWS_REGION: process.env['AWS_REGION'] ?? 'us-east-1',
    AWS_DEFAULT_REGION: process.env['AWS_REGION'] ?? 'us-east-1',
    CDK_DISABLE_LEGACY_EXPORT_WARNING: '1',
  };
}

/** Which stage is deployed, and how it differs from what `annals.config.ts` says. */
export interface EmulatedStage {
  /** `dev` by default. */
  readonly stage?: Stage;
  /** `store.partition_strategy` of its log. */
  readonly partitionStrategy?: string;
}

/**
 * Bootstraps and deploys all stacks of a stage; a second time it updates them in place.
 * @throws CommandFailed with CDK's last lines
 */
export async function deploy(
  endpoint: string,
  folder: string,
  onOutput: (text: string) => void,
  which: EmulatedStage = {},
): Promise<Outputs> {
  const outputs = join(folder, `outputs-${which.stage ?? 'dev'}.json`);
  const { ApiUrl = '', ...others } = await deployApp(endpoint, outputs, appOptions(folder, which), { onOutput });
  return { ApiUrl: emulatedApiUrl(endpoint, ApiUrl), ...others };
}

/**
 * Bootstraps, and deploys all stacks of a CDK app.
 * @param outputs file for the outputs
 * @param app options of `cdk` that say which app
 * @throws CommandFailed with CDK's last lines
 */
export async function deployApp(
  endpoint: string,
  outputs: string,
  app: readonly string[],
  given: Pick<RunOptions, 'cwd' | 'onOutput'>,
): Promise<Outputs> {
  const env = emulatorEnvironment(endpoint);
  await run(cdklocal, ['bootstrap', `aws://000000000000/${env['AWS_REGION']}`, ...app], { ...given, env });
  // Without change sets: MiniStack cannot delete one that is not there, as CDK does after a run that changed nothing.
  const options = ['--all', '--method', 'direct', '--require-approval', 'never', '--outputs-file', outputs, ...app];
  await run(cdklocal, ['deploy', ...options], { ...given, env });
  return readOutputs(outputs);
}

/** Destroys all stacks of a stage. @throws CommandFailed with CDK's last lines */
export async function destroy(endpoint: string, folder: string, which: EmulatedStage): Promise<void> {
  await run(cdklocal, ['destroy', '--all', '--force', ...appOptions(folder, which)], {
    env: emulatorEnvironment(endpoint),
  });
}

/** Its CloudWatch knows no metric math, it has no CodeDeploy, and cannot run the function that empties buckets. */
function appOptions(folder: string, { stage = 'dev', partitionStrategy }: EmulatedStage): string[] {
  const context = {
    ...{ stage, metricMath: false, emptyBuckets: false, gradual: false },
    ...(partitionStrategy === undefined ? {} : { partitionStrategy }),
  };
  const output = join(folder, `cdk.out-${stage}`);
  return [...Object.entries(context).flatMap(([name, value]) => ['--context', `${name}=${value}`]), '--output', output];
}

/** Reads the outputs of a deployment, of all stacks together. */
function readOutputs(file: string): Outputs {
  const stacks = stackOutputs.parse(JSON.parse(readFileSync(file, 'utf8')));
  const outputs: Outputs = Object.assign({}, ...Object.values(stacks));
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !isInternal(name)));
}

/** Whether an output is for CDK: values for other stacks, and the address of the API under a name with a hash. */
const isInternal = (name: string) => name.startsWith('ExportsOutput') || /^ApiEndpoint[0-9A-F]{8}$/.test(name);

/**
 * The URL of an API on an emulator, in the form of LocalStack.
 * @param url the output of the API's stack: `https://<id>.execute-api.<region>.<domain>/<stage>/`
 */
export function emulatedApiUrl(endpoint: string, url: string): string {
  const { hostname, pathname } = new URL(url);
  return `${endpoint}/restapis/${hostname.split('.')[0]}${pathname}_user_request_/`;
}
