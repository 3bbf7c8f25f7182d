import { isUtf8 } from 'node:buffer';
import { JSONParser } from '@streamparser/json';
import { turn } from '../../core/base/turns.ts';
import { MalformedRequestError } from './malformed.ts';

/** A smaller body is parsed at once, which takes a few milliseconds. It has some 500 spans, the most that an SDK sends by default. */
const WHOLE_BYTES = 512 * 1024;
const PIECE_BYTES = 16 * 1024;

/**
 * Parses a body of JSON. A large one is parsed in pieces, so that others have their turns in between; that takes some five
 * times the processor time.
 * @throws MalformedRequestError when it is no JSON
 */
export async function parseJson(body: Uint8Array): Promise<unknown> {
  if (!isUtf8(body)) throw new MalformedRequestError('the body is not UTF-8');
  return body.length > WHOLE_BYTES ? await parsePieces(body) : parseWhole(new TextDecoder().decode(body));
}

function parseWhole(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notJson(cause as Error);
  }
}

async function parsePieces(body: Uint8Array): Promise<unknown> {
  let parsed: unknown;
  let fault: Error | undefined;
  const parser = new JSONParser({ paths: ['$'], keepStack: false });
  parser.onValue = ({ value }) => {
    parsed = value;
  };
  parser.onError = (error) => {
    fault ??= error;
  };
  for (let at = 0; at < body.length && !fault; at += PIECE_BYTES) {
    parser.write(body.subarray(at, at + PIECE_BYTES));
    await turn();
  }
  if (!fault && !parser.isEnded) parser.end();
  if (fault) throw notJson(fault);
  return parsed;
}

const notJson = (cause: Error): MalformedRequestError => new MalformedRequestError(cause.message, { cause });
