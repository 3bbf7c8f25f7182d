import { type Command, InvalidArgumentError, Option } from 'commander';
import { regionOfApi, signedFetch } from '../../adapters/aws/clients/signed-fetch.ts';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError, createClient } from '../../client/client.ts';
import { InvalidIdError } from '../../core/base/errors.ts';

/** The server of a command. */
export interface Target {
  readonly url: string;
  readonly region?: string;
  /** Key of the client, where API Gateway counts requests by client. */
  readonly apiKey?: string;
}

/** Adds the options that name the server. */
export function withTarget(command: Command): Command {
  const url = new Option('--url <url>', 'URL of the server')
    .default(`http://127.0.0.1:${process.env['PORT'] || 4700}`)
    .argParser(parseUrl);
  return withSigning(command.addOption(url));
}

/** Adds the options for requests to API Gateway: `--region` and `--api-key`. */
export function withSigning(command: Command): Command {
  return command
    .option('--region <region>', 'sign requests for API Gateway in this region; detected from API Gateway URLs')
    .addOption(
      new Option('--api-key <key>', 'key of the client, for stages that count requests by client').env(
        'ANNALS_API_KEY',
      ),
    );
}

/** Creates a client of the server, which signs its requests when the target has a region. */
export function createTargetClient(target: Target): AnnalsClient {
  return createClient({ url: target.url, fetch: fetchOf(target) });
}

/** The `fetch` of a target, which signs requests when the target has a region. */
export function fetchOf({ url, region = regionOfApi(url), apiKey }: Target): (request: Request) => Promise<Response> {
  return region === undefined ? fetch : signedFetch({ region, apiKey });
}

/** Returns the message of an error; for a server that does not answer, with the way to repair it. */
export function explain(error: Error): string {
  if (!(error instanceof AnnalsUnreachableError)) return error.message;
  return `${error.message}; start the server with \`npm start\`, or name another with --url`;
}

/** Does the work of a command. A refusal of the server becomes a line on standard error and exit code 1. */
export async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isExplained = [AnnalsRequestError, AnnalsUnreachableError, InvalidIdError, TypeError];
    if (!isExplained.some((type) => error instanceof type)) throw error;
    console.error(explain(error as Error));
    process.exitCode = 1;
  }
}

/** Parses an http or https URL. @throws InvalidArgumentError */
export function parseUrl(value: string): string {
  if (URL.canParse(value) && /^https?:/i.test(value)) return value;
  throw new InvalidArgumentError('Give a URL such as http://127.0.0.1:4700.');
}
