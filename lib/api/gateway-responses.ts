import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

interface GatewayProblem {
  /** Seconds after which a repeat makes sense, if it does. */
  readonly retryAfter?: number;
  readonly status: number;
  readonly code: string;
  readonly title: string;
}

const unauthenticated = { status: 401, code: 'UNAUTHENTICATED', title: 'The request is not signed as it has to be' };
const unavailable = { status: 503, code: 'UNAVAILABLE', title: 'The service cannot be reached', retryAfter: 1 };
const throttled = { status: 429, code: 'THROTTLED', title: 'Too many requests', retryAfter: 1 };

/** API Gateway does not tell a body that is not JSON from a body of another form, so both get this problem. */
const invalidBody = {
  status: 422,
  code: 'VALIDATION_FAILED',
  title: 'The body is not JSON of the form that GET /openapi.json gives for this request',
};

/** The errors that API Gateway answers itself, with the status and code of the functions' errors. */
const problems: readonly (readonly [ResponseType, GatewayProblem])[] = [
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, unauthenticated],
  [ResponseType.INVALID_SIGNATURE, unauthenticated],
  [ResponseType.EXPIRED_TOKEN, unauthenticated],
  [ResponseType.ACCESS_DENIED, { status: 403, code: 'FORBIDDEN', title: 'The caller may not do this' }],
  [ResponseType.REQUEST_TOO_LARGE, { status: 413, code: 'PAYLOAD_TOO_LARGE', title: 'The request is too large' }],
  [ResponseType.THROTTLED, throttled],
  // A quota is for a day. The long pause makes a client's retries give up.
  [ResponseType.QUOTA_EXCEEDED, { ...throttled, title: 'The quota of this client is used up', retryAfter: 3600 }],
  [ResponseType.INVALID_API_KEY, { status: 403, code: 'FORBIDDEN', title: 'x-api-key has to be the key of a client' }],
  [ResponseType.WAF_FILTERED, { status: 403, code: 'FORBIDDEN', title: 'The request looks like an attack' }],
  [ResponseType.BAD_REQUEST_BODY, invalidBody],
  [ResponseType.INTEGRATION_FAILURE, unavailable],
  [ResponseType.INTEGRATION_TIMEOUT, unavailable],
  [ResponseType.RESOURCE_NOT_FOUND, { status: 404, code: 'NOT_FOUND', title: 'There is nothing here' }],
  [ResponseType.DEFAULT_4XX, { status: 400, code: 'BAD_REQUEST', title: 'The request cannot be taken' }],
  [ResponseType.DEFAULT_5XX, { status: 500, code: 'INTERNAL', title: 'Something went wrong' }],
];

/** Makes every error of API Gateway an RFC 9457 problem, as the functions' errors are. */
export function addGatewayResponses(api: RestApi): void {
  for (const [type, { status, code, title, retryAfter }] of problems) {
    const retry: Record<string, string> = retryAfter ? { 'Retry-After': `'${retryAfter}'` } : {};
    api.addGatewayResponse(type.responseType, {
      type,
      statusCode: String(status),
      responseHeaders: { 'Content-Type': "'application/problem+json'", 'Cache-Control': "'no-store'", ...retry },
      // The message of API Gateway stays out, because it can quote the request.
      templates: {
        'application/json': JSON.stringify({ type: problemType(code), title, status, detail: title, code }),
      },
    });
  }
}

const problemType = (code: string) => `urn:annals:problem:${code.toLowerCase().replaceAll('_', '-')}`;
