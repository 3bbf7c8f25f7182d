import { StartupError } from '../../adapters/embedded/sqlite/database.ts';

/** Where the server sends its traces. */
export interface TraceEndpoint {
  /** The whole URL, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: URL;
  /** Sent with each request, for example for authorization. */
  readonly headers: Headers;
  /** The attribute `service.name` of the traces. */
  readonly serviceName: string;
}

/**
 * The endpoint by the environment variables of OpenTelemetry: `OTEL_EXPORTER_OTLP_ENDPOINT` gets the path `/v1/traces`,
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is taken unchanged. Undefined without an endpoint, and when
 * `OTEL_TRACES_EXPORTER=none` or `OTEL_SDK_DISABLED=true` switch the traces off.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 * @throws StartupError when a variable cannot be used; its message says what to do and quotes no header
 */
export function traceEndpointOf(env: Readonly<Record<string, string | undefined>>): TraceEndpoint | undefined {
  if (env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return undefined;
  const whole = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!whole && !base) return undefined;
  const url = whole ? parseUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', whole) : tracesAt(base ?? '');
  const headers = env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] || env['OTEL_EXPORTER_OTLP_HEADERS'] || '';
  return { url, headers: parseHeaders(headers), serviceName: env['OTEL_SERVICE_NAME'] || 'annals' };
}

function tracesAt(base: string): URL {
  const url = parseUrl('OTEL_EXPORTER_OTLP_ENDPOINT', base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  return url;
}

/** @throws StartupError for another URL than one of a collector; the message begins with the name */
export function parseUrl(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  throw new StartupError(
    `${name} has to be an http or https URL without a password, such as http://127.0.0.1:4318; change it or leave it out`,
  );
}

/** `name=value,name=value`, with values in percent-encoding. */
function parseHeaders(text: string): Headers {
  try {
    const pairs = text.split(',').filter((pair) => pair.trim() !== '');
    return new Headers(pairs.map((pair) => nameAndValue(pair)));
  } catch {
    throw new StartupError('OTEL_EXPORTER_OTLP_HEADERS has to be a list such as name=value,name=value; change it');
  }
}

function nameAndValue(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, Math.max(at, 0)).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
}
