import { PayloadTooLargeError } from '../../core/base/errors.ts';
import { isExactNumber } from '../../core/events/exact-number.ts';
import { findJsonFault } from '../../core/events/json.ts';
import { RequestError } from './problem.ts';

/** Most bytes of a request's body: what API Gateway and Lambda take with every quote in it escaped, 10 and 6 MB, and the store. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

const JSON_MEDIA_TYPE = /^application\/([\w.!#$&^-]+\+)?json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The body of a request, read strictly as I-JSON (RFC 7493): UTF-8, no member twice, no number that would change.
 * @throws RequestError UNSUPPORTED_MEDIA_TYPE, or MALFORMED_JSON naming the place
 * @throws PayloadTooLargeError over {@link MAX_BODY_BYTES}, counted as the bytes come in
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  if (!JSON_MEDIA_TYPE.test(request.headers.get('Content-Type') ?? '')) {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'send the body as application/json in UTF-8');
  }
  if ((request.headers.get('Content-Encoding') ?? 'identity') !== 'identity') {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'send the body without a content encoding');
  }
  return parseIJson(await readText(request));
}

async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  let text = '';
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) throw new PayloadTooLargeError(`a request may have ${MAX_BODY_BYTES} bytes at most`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (cause) {
    if (cause instanceof PayloadTooLargeError) throw cause;
    throw malformed('the body is not UTF-8, or ended early', cause);
  }
}

/** Depth is checked before anything that recurses or looks closer: the native parser is safe at any depth. */
function parseIJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause instanceof SyntaxError ? cause.message : 'the body is not JSON', cause);
  }
  const fault = findJsonFault(value);
  if (fault) throw malformed(`${fault.path.join('.') || 'the body'} ${fault.message}`);
  assertUnambiguous(text);
  return value;
}

/** What matters here of a text that is known to be JSON: strings, member names (with their colon), numbers, braces. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d[\d.eE+-]*|[{}]/g;

/**
 * Refuses what a parser silently drops. (lossless-json's own parser lets a member pass that comes twice with equal
 * values, so of that library only the comparison of numbers is used.)
 */
function assertUnambiguous(text: string): void {
  const open: Set<string>[] = [];
  for (const { 0: token, 1: colon, index } of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (!token.startsWith('"')) assertExactNumber(token, index);
    else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (open.at(-1)?.has(name)) throw malformed(`member ${JSON.stringify(name)} comes twice, at character ${index}`);
      open.at(-1)?.add(name);
    }
  }
}

function assertExactNumber(token: string, index: number): void {
  if (isExactNumber(token)) return;
  throw malformed(`the number at character ${index} cannot be kept exactly; send it as a string`);
}

const malformed = (message: string, cause?: unknown) => new RequestError('MALFORMED_JSON', message, { cause });
