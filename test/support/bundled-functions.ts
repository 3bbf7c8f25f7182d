import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { APIGatewayProxyResult, Context, DynamoDBBatchResponse } from 'aws-lambda';
import { configureEventSystem } from '../../core/base/configuration.ts';
import type { FunctionName } from '../../functions/environment.ts';
import { type Bundle, bundleFunctions } from '../../lib/shared/bundle.ts';
import { apiGatewayEvent, type HttpRequest, lambdaContext } from './lambda-events.ts';

/** The deployed functions: bundled, and run by Node with the environment of a function. */
export interface BundledFunctions {
  readonly bundles: Readonly<Record<string, Bundle>>;
  /** An answer of the API, its body parsed; undefined for an empty body. */
  http(name: 'command' | 'query' | 'operate' | 'mcp' | 'work', request: HttpRequest): Promise<HttpAnswer>;
  stream(name: 'projector' | 'relay', event: unknown): Promise<DynamoDBBatchResponse>;
  /** The handler of a function, loaded as in a cold start. */
  handler(name: FunctionName): Promise<Handler>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON; tests declare their expectation
  readonly body: any;
}

type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** Bundles the functions into `folder`; each is loaded at its first call, as in a cold start. */
export function bundledFunctions(folder: string, environment: Readonly<Record<string, string>>): BundledFunctions {
  const bundles = bundleFunctions(folder);
  Object.assign(process.env, environment, {
    ANNALS_CONFIG: JSON.stringify(configureEventSystem({})),
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  });
  const load = async (name: FunctionName): Promise<Handler> => {
    const url = pathToFileURL(join(bundles[name].directory, 'index.mjs')).href;
    return ((await import(/* @vite-ignore */ url)) as { handler: Handler }).handler;
  };
  const call = async (name: FunctionName, event: unknown) => (await load(name))(event, lambdaContext());
  return {
    bundles,
    http: async (name, request) => {
      const { statusCode, multiValueHeaders, body } = (await call(
        name,
        apiGatewayEvent(request),
      )) as APIGatewayProxyResult;
      const headers = Object.entries(multiValueHeaders ?? {}).map(([header, values]) => [header, values.join(', ')]);
      return {
        status: statusCode,
        headers: Object.fromEntries(headers),
        body: body === '' ? undefined : JSON.parse(body),
      };
    },
    handler: load,
    stream: async (name, event) => (await call(name, event)) as DynamoDBBatchResponse,
  };
}
