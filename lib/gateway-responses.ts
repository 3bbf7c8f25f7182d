import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

interface GatewayProblem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
}

const unauthenticated = { status: 401, code: 'UNAUTHENTICATED', title: 'The request is not signed as it has to be' };
const unavailable = { status: 503, code: 'UNAVAILABLE', title: 'The service cannot be reached' };

/** What API Gateway answers by itself, in the words of our own errors. */
const problems: readonly (readonly [ResponseType, GatewayProblem])[] = [
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, unauthenticated],
  [ResponseType.INVALID_SIGNATURE, unauthenticated],
  [ResponseType.EXPIRED_TOKEN, unauthenticated],
  [ResponseType.ACCESS_DENIED, { status: 403, code: 'FORBIDDEN', title: 'The caller may not do this' }],
  [ResponseType.REQUEST_TOO_LARGE, { status: 413, code: 'PAYLOAD_TOO_LARGE', title: 'The request is too large' }],
  [ResponseType.THROTTLED, { status: 429, code: 'THROTTLED', title: 'Too many requests' }],
  [ResponseType.INTEGRATION_FAILURE, unavailable],
  [ResponseType.INTEGRATION_TIMEOUT, unavailable],
  [ResponseType.RESOURCE_NOT_FOUND, { status: 404, code: 'NOT_FOUND', title: 'There is nothing here' }],
  [ResponseType.DEFAULT_4XX, { status: 400, code: 'BAD_REQUEST', title: 'The request cannot be taken' }],
  [ResponseType.DEFAULT_5XX, { status: 500, code: 'INTERNAL', title: 'Something went wrong' }],
];

/** Makes every error of the API an RFC 9457 problem, also those that never reach a function. */
export function addGatewayResponses(api: RestApi): void {
  for (const [type, { status, code, title }] of problems) {
    const retry: Record<string, string> = status === 429 || status === 503 ? { 'Retry-After': "'1'" } : {};
    api.addGatewayResponse(type.responseType, {
      type,
      statusCode: String(status),
      responseHeaders: { 'Content-Type': "'application/problem+json'", 'Cache-Control': "'no-store'", ...retry },
      // API Gateway's own message stays out: it can quote the request.
      templates: { 'application/json': JSON.stringify({ type: typeOf(code), title, status, detail: title, code }) },
    });
  }
}

const typeOf = (code: string) => `urn:annals:problem:${code.toLowerCase().replaceAll('_', '-')}`;
