import { Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { SourceFault } from '../source-fault.ts';
import { parseNumber } from './lines.ts';

/** A value of a JSON document, with the names and indexes on the way to it. */
export interface PlacedValue {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

type Bytes = () => AsyncIterable<Uint8Array>;

/**
 * The values of a JSON document at some paths such as `$.info` and `$.steps.*`, in the order of the document. Only these
 * values are held in memory, one chunk of them at a time.
 * @throws SourceFault when it is no JSON, or no UTF-8
 */
export async function* jsonValues(read: Bytes, paths: readonly string[]): AsyncGenerator<PlacedValue> {
  const found: PlacedValue[] = [];
  const parser = new TokenParser({ paths: [...paths], keepStack: false });
  parser.onValue = ({ value, key, stack }) => {
    found.push({ path: [...stack.slice(1).map((each) => each.key ?? ''), key ?? ''], value });
  };
  for await (const _ of tokenize(read, (token) => parser.write(token))) {
    yield* found.splice(0);
  }
  yield* found.splice(0);
}

/** A member of a document. */
export interface Member {
  readonly kind: 'array' | 'object' | 'value';
  /** The value itself, when it is a text or a number. */
  readonly value?: unknown;
}

/** The form of a document: whether it is an object or a list, and its members. */
export interface DocumentForm {
  readonly kind: 'array' | 'object' | 'value';
  readonly members: ReadonlyMap<string, Member>;
}

/**
 * The form of a JSON document, found without holding it in memory.
 * @param isEnough ends the search early
 * @throws SourceFault when it is no JSON, or no UTF-8
 */
export async function documentForm(
  read: Bytes,
  isEnough: (members: ReadonlyMap<string, Member>) => boolean = () => false,
): Promise<DocumentForm> {
  const members = new Map<string, Member>();
  let kind: DocumentForm['kind'] | undefined;
  let depth = 0;
  let name: string | undefined;
  let isValue = false;
  const take = ({ token, value }: Token): void => {
    const opened = token === TokenType.LEFT_BRACE ? 'object' : token === TokenType.LEFT_BRACKET ? 'array' : undefined;
    kind ??= opened ?? 'value';
    if (depth === 1 && kind === 'object') {
      if (token === TokenType.COLON) isValue = true;
      else if (isValue && name !== undefined) {
        members.set(name, opened ? { kind: opened } : { kind: 'value', value });
        isValue = false;
      } else if (token === TokenType.STRING) name = String(value);
    }
    if (opened) depth++;
    if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) depth--;
  };
  for await (const _ of tokenize(read, take)) if (isEnough(members)) break;
  return { kind: kind ?? 'value', members };
}

type Token = Parameters<Tokenizer['onToken']>[0];

class ExactTokenizer extends Tokenizer {
  /** A number that cannot be kept exactly stays text. */
  override parseNumber(text: string): number {
    return parseNumber(text) as number;
  }
}

const BUFFER_BYTES = 64 * 1024;

/** Reads the tokens of a document, chunk by chunk. What follows the document is not read. */
async function* tokenize(read: Bytes, onToken: (token: Token) => void): AsyncGenerator<void> {
  const tokenizer = new ExactTokenizer({ stringBufferSize: BUFFER_BYTES });
  const place = { line: 1, column: 1 };
  let depth = 0;
  let isDone = false;
  tokenizer.onToken = (token) => {
    if (isDone) return;
    if (token.token === TokenType.LEFT_BRACE || token.token === TokenType.LEFT_BRACKET) depth++;
    if (token.token === TokenType.RIGHT_BRACE || token.token === TokenType.RIGHT_BRACKET) depth--;
    isDone = depth <= 0;
    onToken(token);
  };
  for await (const chunk of checked(read())) {
    try {
      tokenizer.write(chunk);
    } catch (cause) {
      if (!isDone) throw notJson(cause, await placeOf(read, cause, place));
    }
    yield;
    if (isDone) return;
  }
  throw notJson(new Error('the file ends in the middle'), await placeOf(read, undefined, place));
}

/** The chunks, once it is clear that they are UTF-8. */
async function* checked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const check = (chunk?: Uint8Array) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw new SourceFault('', 'is not UTF-8 text', { cause });
    }
  };
  for await (const chunk of chunks) {
    check(chunk);
    yield chunk;
  }
  check();
}

function notJson(cause: unknown, { line, column }: { line: number; column: number }): SourceFault {
  const message = cause instanceof Error ? cause.message.replace(/ at position .*$/s, '') : String(cause);
  return new SourceFault(`line ${line}, column ${column}`, `not JSON: ${message}`, { cause });
}

/** The place of an error, for which the file is read again up to there. */
async function placeOf(read: Bytes, cause: unknown, place: { line: number; column: number }) {
  const [, position] = /at position "?(\d+)/.exec(cause instanceof Error ? cause.message : '') ?? [];
  let left = position === undefined ? Number.POSITIVE_INFINITY : Number(position);
  for await (const chunk of read()) {
    for (const byte of chunk.subarray(0, left)) {
      place.column++;
      if (byte !== 0x0a) continue;
      place.line++;
      place.column = 1;
    }
    left -= chunk.length;
    if (left <= 0) break;
  }
  return place;
}
