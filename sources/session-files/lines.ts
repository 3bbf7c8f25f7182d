import { parse as parseLossless } from 'lossless-json';
import { isExactNumber } from '../../core/events/exact-number.ts';
import type { Notices } from '../source-event.ts';

/** A line of a JSONL file. */
export interface JsonLine {
  /** From 1. */
  readonly number: number;
  readonly value: object;
}

/**
 * The objects of a JSONL file, line by line. A byte order mark, CRLF, NUL bytes and empty lines are passed over. A last
 * line without an end is passed over when it is half written. Another line that is no JSON object is a problem, and the
 * lines after it are read.
 */
export async function* jsonLines(
  chunks: AsyncIterable<Uint8Array>,
  notices?: Pick<Notices, 'problem'>,
): AsyncGenerator<JsonLine> {
  let number = 0;
  for await (const { text, isEnded } of textLines(chunks)) {
    number++;
    if (text === '') continue;
    const value = parseLine(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield { number, value };
    else if (isEnded) notices?.problem(`line ${number}`, 'is no JSON object, so it was left out');
  }
}

/** The lines of a text file, trimmed, and whether a line break follows. */
export async function* textLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly text: string; readonly isEnded: boolean }> {
  const decoder = new TextDecoder('utf-8');
  let pieces: string[] = [];
  for await (const chunk of chunks) {
    const [first = '', ...more] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(first);
    for (const next of more) {
      yield { text: trimmed(pieces.join('')), isEnded: true };
      pieces = [next];
    }
  }
  pieces.push(decoder.decode());
  const text = trimmed(pieces.join(''));
  if (text !== '') yield { text, isEnded: false };
}

/** Crashed writers leave NUL bytes behind. */
const trimmed = (line: string): string => line.replaceAll('\0', '').trim();

/** Only a number with so many digits can be changed by a parser. */
const LONG_NUMBER = /\d{16}/;

function parseLine(text: string): unknown {
  try {
    return LONG_NUMBER.test(text) ? parseLossless(text, undefined, { parseNumber }) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A number that cannot be kept exactly is kept as text. */
export const parseNumber = (text: string): unknown => (isExactNumber(text) ? Number(text) : text);
