import type { defaultProvider } from '@aws-sdk/credential-provider-node';
import { lazily } from './lazily.ts';
import { fromPackages } from './packages.ts';

/** Credentials as the AWS SDKs and tools find them. At `expiration` they have to be fetched again. */
type Credentials = Awaited<ReturnType<ReturnType<typeof defaultProvider>>>;

/** Settings of {@link signedFetch}. */
export interface SigningOptions {
  /** Region of the API, such as `eu-central-1`. */
  readonly region: string;
  /** API key of the client, for deployments that count requests by client. */
  readonly apiKey?: string | undefined;
  /** Source of the credentials; by default environment, `AWS_PROFILE`, container and instance, as for the AWS CLI. */
  readonly credentials?: () => Promise<Credentials>;
}

/** The region in the name of an API Gateway host; undefined for any other host. */
export function regionOfApi(url: string): string | undefined {
  return /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(new URL(url).hostname)?.[1];
}

/** The packages that sign. Few users of the client need them, so the first request loads them. */
const signing = lazily(() =>
  fromPackages('Requests to API Gateway', ['@aws-sdk/credential-provider-node', 'aws4fetch'], async () => {
    const [{ defaultProvider }, { AwsClient }] = await Promise.all([
      import('@aws-sdk/credential-provider-node'),
      import('aws4fetch'),
    ]);
    return { defaultProvider, AwsClient };
  }),
);

/**
 * A `fetch` that signs each request for API Gateway's IAM authorisation (Signature Version 4). The provider caches
 * credentials until they expire, so to ask it before each request costs nothing.
 */
export function signedFetch({ region, apiKey, ...options }: SigningOptions) {
  const provider = lazily(async () => options.credentials ?? (await signing()).defaultProvider());
  return async (request: Request): Promise<Response> => {
    const [{ AwsClient }, credentials] = await Promise.all([signing(), provider()]);
    const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
    const signer = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken ? { sessionToken } : {}),
      service: 'execute-api',
      region,
      retries: 0,
    });
    if (apiKey !== undefined) request.headers.set('x-api-key', apiKey);
    return fetch(await signer.sign(request));
  };
}
