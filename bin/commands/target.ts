import { type Command, InvalidArgumentError, Option } from 'commander';
import { regionOfApi, signedFetch } from '../../adapters/aws/clients/signed-fetch.ts';
import { type AnnalsClient, createClient } from '../../client/client.ts';

/** Which server a command talks to. */
export interface Target {
  readonly url: string;
  readonly region?: string;
}

/** Adds the options that say which server is meant. */
export function withTarget(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'where the server is')
        .default(`http://127.0.0.1:${process.env['PORT'] || 4700}`)
        .argParser(parseUrl),
    )
    .option('--region <region>', 'sign requests for API Gateway in this region; detected from API Gateway URLs');
}

/** A client of that server, which signs its requests where a region is known. */
export function clientOf({ url, region = regionOfApi(url) }: Target): AnnalsClient {
  return createClient({ url, fetch: region === undefined ? undefined : signedFetch({ region }) });
}

export function parseUrl(value: string): string {
  if (URL.canParse(value) && /^https?:/i.test(value)) return value;
  throw new InvalidArgumentError('It is a URL such as http://127.0.0.1:4700.');
}
