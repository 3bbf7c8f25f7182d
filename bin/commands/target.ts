import { type Command, InvalidArgumentError, Option } from 'commander';
import { regionOfApi, signedFetch } from '../../adapters/aws/clients/signed-fetch.ts';
import { type AnnalsClient, createClient } from '../../client/client.ts';

/** The server of a command. */
export interface Target {
  readonly url: string;
  readonly region?: string;
}

/** Adds the options `--url` and `--region`, which name the server. */
export function withTarget(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'URL of the server')
        .default(`http://127.0.0.1:${process.env['PORT'] || 4700}`)
        .argParser(parseUrl),
    )
    .option('--region <region>', 'sign requests for API Gateway in this region; detected from API Gateway URLs');
}

/** Creates a client of the server, which signs its requests when the target has a region. */
export function createTargetClient({ url, region = regionOfApi(url) }: Target): AnnalsClient {
  return createClient({ url, fetch: region === undefined ? undefined : signedFetch({ region }) });
}

/** Parses an http or https URL. @throws InvalidArgumentError */
export function parseUrl(value: string): string {
  if (URL.canParse(value) && /^https?:/i.test(value)) return value;
  throw new InvalidArgumentError('Give a URL such as http://127.0.0.1:4700.');
}
