import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { run } from './shell.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cdklocal = join(root, 'node_modules', '.bin', 'cdklocal');

const stackOutputs = z.record(z.string(), z.record(z.string(), z.string()));

/** What the stacks say about themselves, by the name of the output. */
export type Outputs = Readonly<Record<string, string>>;

/**
 * Credentials and addresses for an emulator, which takes any key. The account is that of LocalStack and its kind.
 * Nothing of the caller's own AWS set-up is used, so that a deployment meant for the emulator cannot reach an account.
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

/** Bootstraps and deploys all stacks; a second time it updates them in place. @throws CommandFailed with CDK's last lines */
export async function deploy(endpoint: string, folder: string, onOutput: (text: string) => void): Promise<Outputs> {
  const env = emulatorEnvironment(endpoint);
  const outputs = join(folder, 'outputs.json');
  const output = join(folder, 'cdk.out');
  const region = env['AWS_REGION'];
  await run(cdklocal, ['bootstrap', `aws://000000000000/${region}`, '--output', output], { env, onOutput });
  // Its CloudWatch knows no metric math, and it cannot run the function that empties buckets. Without change sets: MiniStack cannot delete one that is not there, as CDK does after a run that changed nothing.
  const options = [
    '--all',
    '--context',
    'metricMath=false',
    '--context',
    'emptyBuckets=false',
    '--method',
    'direct',
    '--require-approval',
    'never',
    '--outputs-file',
    outputs,
    '--output',
    output,
  ];
  await run(cdklocal, ['deploy', ...options], { env, onOutput });
  const { ApiUrl = '', ...others } = readOutputs(outputs);
  return { ApiUrl: emulatedApiUrl(endpoint, ApiUrl), ...others };
}

/** The outputs that a deployment left, of all stacks together. */
function readOutputs(file: string): Outputs {
  const stacks = stackOutputs.parse(JSON.parse(readFileSync(file, 'utf8')));
  const outputs: Outputs = Object.assign({}, ...Object.values(stacks));
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !isPlumbing(name)));
}

/** What CDK says to itself: values for other stacks, and the address of the API under a name with a hash. */
const isPlumbing = (name: string) => name.startsWith('ExportsOutput') || /^ApiEndpoint[0-9A-F]{8}$/.test(name);

/**
 * Where an emulator answers for an API, in the form that LocalStack and its kind share.
 * @param url as the API's stack gives it: `https://<id>.execute-api.<region>.<domain>/<stage>/`
 */
export function emulatedApiUrl(endpoint: string, url: string): string {
  const { hostname, pathname } = new URL(url);
  return `${endpoint}/restapis/${hostname.split('.')[0]}${pathname}_user_request_/`;
}
