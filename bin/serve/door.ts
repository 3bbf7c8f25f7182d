import { problemOf, RequestError } from '../../api/http/problem.ts';

/** Names of this machine only. `*.localhost` is always this machine (RFC 6761). */
const LOOPBACK = /^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)*\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The names of a server. */
export interface Door {
  /** Further names by which requests reach the server, such as the name of a proxy; see `--allow-host`. */
  readonly allowedHosts: readonly string[];
}

/**
 * Refuses requests from pages of other sites, because the server has no authentication. A browser sends the name that it
 * looked up as `Host`, which reveals a foreign name that points at this machine (DNS rebinding). It sends `Origin` or
 * `Sec-Fetch-Site` with requests of pages, form posts included. Programs send neither, so their requests pass.
 * @returns the answer to a refused request; undefined for all others
 */
export function keepOut(request: Request, { allowedHosts }: Door): Response | undefined {
  const { headers } = request;
  const host = hostName(headers.get('Host'));
  const isOurs = (name: string | undefined) =>
    name !== undefined && (LOOPBACK.test(name) || allowedHosts.includes(name));
  if (!isOurs(host) || !isOurs(hostName(new URL(request.url).host))) {
    return refusal(`the server does not have the name in Host; start it with --allow-host ${host ?? '<name>'}`);
  }
  const origin = headers.get('Origin');
  if (origin !== null) {
    const page = URL.canParse(origin) ? new URL(origin) : undefined;
    const sameOrigin = page?.host === new URL(`http://${headers.get('Host')}`).host;
    if (sameOrigin || (page && allowedHosts.includes(hostName(page.host) ?? ''))) return undefined;
    return refusal('a page of another site may not use the server; start it with --allow-host <host of the page>');
  }
  const site = headers.get('Sec-Fetch-Site');
  if (site === null || site === 'same-origin' || site === 'none') return undefined;
  // Users may follow links from other pages, because the page with the link cannot read the answer.
  const isLink = request.method === 'GET' && headers.get('Sec-Fetch-Mode') === 'navigate';
  if (isLink && headers.get('Sec-Fetch-Dest') === 'document') return undefined;
  return refusal('a page of another site may not use the server');
}

/** The name in a `Host` header: without port, in lower case, without a final dot; undefined when it is invalid. */
export function hostName(host: string | null): string | undefined {
  if (host === null || !/^[A-Za-z0-9.:[\]_-]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.toLowerCase().replace(/\.$/, '');
}

function refusal(detail: string): Response {
  const problem = problemOf(new RequestError('FORBIDDEN', detail));
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'Content-Type': 'application/problem+json' },
  });
}
