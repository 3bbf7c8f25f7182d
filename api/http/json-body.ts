import { AnnalsError, PayloadTooLargeError } from '../../core/base/errors.ts';
import { turn, turnAfter } from '../../core/base/turns.ts';
import { isExactNumber } from '../../core/events/exact-number.ts';
import { findJsonFault } from '../../core/events/json.ts';
import { RequestError } from './problem.ts';
import type { Upload } from './uploads.ts';

/** Most bytes of a request's body. API Gateway takes 10 MB and Lambda 6 MB, with every quote escaped. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

const JSON_MEDIA_TYPE = /^application\/([\w.!#$&^-]+\+)?json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The body of a request, read strictly as I-JSON (RFC 7493): UTF-8, no member twice, no number that would change.
 * @param upload counts the body's bytes until the request is answered
 * @param mends texts with half surrogates are taken, with U+FFFD in their place
 * @throws RequestError UNSUPPORTED_MEDIA_TYPE, or MALFORMED_JSON naming the place
 * @throws PayloadTooLargeError over {@link MAX_BODY_BYTES}, as soon as that many bytes came in
 * @throws UnavailableError when the process holds too many large bodies
 */
export async function readJsonBody(request: Request, upload: Upload, mends = false): Promise<unknown> {
  if (!JSON_MEDIA_TYPE.test(request.headers.get('Content-Type') ?? '')) {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'send the body as application/json in UTF-8');
  }
  if ((request.headers.get('Content-Encoding') ?? 'identity') !== 'identity') {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'send the body without a content encoding');
  }
  const text = await readText(request, upload);
  return parseIJson(mends ? mended(text) : text);
}

/** Half a surrogate can only stand in JSON as an escape; escaped backslashes before it are no part of it. */
const ESCAPED_SURROGATES = /(\\\\)|(?:\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|\\ud[89a-f][0-9a-f]{2}/gi;

/** Replaces the halves of surrogates that have no other half. */
const mended = (text: string): string =>
  text.replace(ESCAPED_SURROGATES, (found) => (found.length === 6 ? '\\ufffd' : found));

async function readText(request: Request, upload: Upload): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  try {
    for await (const chunk of request.body ?? []) {
      upload.take(chunk.length);
      if (upload.bytes > MAX_BODY_BYTES)
        throw new PayloadTooLargeError(`a request may have ${MAX_BODY_BYTES} bytes at most`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (cause) {
    if (cause instanceof AnnalsError) throw cause;
    throw malformed('the body is not UTF-8, or ended early', cause);
  }
}

/** A small body waits for nobody: its checks are done after so many milliseconds. */
export const FREE_MS = 1;

/** The number of values and the depth come before every check that walks the values. The native parser is safe at any depth. */
async function parseIJson(text: string): Promise<unknown> {
  const pause = turnAfter(FREE_MS);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause instanceof SyntaxError ? cause.message : 'the body is not JSON', cause);
  }
  await pause();
  await assertUnambiguous(text);
  await pause();
  const fault = findJsonFault(value);
  if (fault) throw malformed(`${fault.path.join('.') || 'the body'} ${fault.message}`);
  await pause();
  return value;
}

/**
 * Most values in a body: strings, numbers, literals, arrays and objects, at any depth. The walks over a value give no
 * turns. Each takes about 5 ms for so many values, and others have their turns between two walks. One object with so
 * many members takes ten times as long, in the native parser too.
 */
const MAX_VALUES = 100_000;

/** The tokens of JSON that the checks need: strings, member names (with their colon), numbers, literals, brackets. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d[\d.eE+-]*|true|false|null|[{}[]/g;

/** Tokens of one turn: about a millisecond. */
const TOKENS_AT_ONCE = 4_096;

/**
 * Refuses members and digits that a parser silently drops, and too many values. (The parser of lossless-json accepts a
 * repeated member with equal values, so only its comparison of numbers is used.)
 */
async function assertUnambiguous(text: string): Promise<void> {
  const open: Set<string>[] = [];
  let tokens = 0;
  let values = 0;
  for (const { 0: token, 1: colon, index } of text.matchAll(TOKEN)) {
    if (++tokens % TOKENS_AT_ONCE === 0) await turn();
    if (token === '}') open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (open.at(-1)?.has(name)) throw malformed(`member ${JSON.stringify(name)} comes twice, at character ${index}`);
      open.at(-1)?.add(name);
    } else {
      if (++values > MAX_VALUES) throw new PayloadTooLargeError(`a request may hold ${MAX_VALUES} values at most`);
      if (token === '{') open.push(new Set());
      else if (DIGITS.test(token)) assertExactNumber(token, index);
    }
  }
}

const DIGITS = /^[-\d]/;

function assertExactNumber(token: string, index: number): void {
  if (isExactNumber(token)) return;
  throw malformed(`the number at character ${index} cannot be kept exactly; send it as a string`);
}

const malformed = (message: string, cause?: unknown) => new RequestError('MALFORMED_JSON', message, { cause });
