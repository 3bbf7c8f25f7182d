import { inject } from 'vitest';
import { signedFetch } from '../../adapters/aws/clients/signed-fetch.ts';
import { type AnnalsClient, createClient } from '../../client/client.ts';

/** Where the stage has clients, the key of one. */
const apiKey = process.env['ANNALS_API_KEY'];

/** The deployed API, or that of another stage, through the typed client, each request signed. */
export function deployedClient(apiUrl = inject('deployment').apiUrl): AnnalsClient {
  const { region } = inject('deployment');
  return createClient({ url: apiUrl, fetch: signedFetch({ region, apiKey }) });
}

/** Asks the deployed API as any HTTP client could, signed. */
export async function ask(
  method: 'GET' | 'POST',
  path: string,
  body?: string,
  apiUrl = inject('deployment').apiUrl,
): Promise<Response> {
  const { region } = inject('deployment');
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const request = new Request(`${apiUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  return signedFetch({ region, apiKey })(request);
}
