import { problemOf, RequestError } from '../../api/http/problem.ts';

/** Names that only this machine answers to. `*.localhost` never leaves it (RFC 6761). */
const LOOPBACK = /^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)*\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export interface Door {
  /** Further names that the server is reached by, such as the name of a proxy: what `--allow-host` says. */
  readonly allowedHosts: readonly string[];
}

/**
 * Keeps pages of other sites out of a server that has no authentication. A browser sends the name that it looked up as
 * `Host`, so a name that was pointed at this machine (DNS rebinding) is seen; and it sends `Origin` or `Sec-Fetch-Site` with
 * what a page of another site asks for, also with a simple form post. Programs send neither and are let in.
 * @returns the answer to a request that is kept out, undefined for all others
 */
export function keepOut(request: Request, { allowedHosts }: Door): Response | undefined {
  const { headers } = request;
  const host = nameOf(headers.get('Host'));
  const isOurs = (name: string | undefined) =>
    name !== undefined && (LOOPBACK.test(name) || allowedHosts.includes(name));
  if (!isOurs(host) || !isOurs(nameOf(new URL(request.url).host))) {
    return refusal(`the server does not go by the name in Host; start it with --allow-host ${host ?? '<name>'}`);
  }
  const origin = headers.get('Origin');
  if (origin !== null) {
    const page = URL.canParse(origin) ? new URL(origin) : undefined;
    const sameOrigin = page?.host === new URL(`http://${headers.get('Host')}`).host;
    if (sameOrigin || (page && allowedHosts.includes(nameOf(page.host) ?? ''))) return undefined;
    return refusal('a page of another site may not use the server; start it with --allow-host <host of the page>');
  }
  const site = headers.get('Sec-Fetch-Site');
  if (site === null || site === 'same-origin' || site === 'none') return undefined;
  // A link from another page may be followed: the page that made the link sees nothing of the answer.
  const isLink = request.method === 'GET' && headers.get('Sec-Fetch-Mode') === 'navigate';
  if (isLink && headers.get('Sec-Fetch-Dest') === 'document') return undefined;
  return refusal('a page of another site may not use the server');
}

/** The name of a host without its port, in lower case and without the dot at its end; undefined when it is none. */
export function nameOf(host: string | null): string | undefined {
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
