import { type FileHandle, open } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CsvError, parse } from 'csv-parse';
import { MAX_BODY_BYTES } from '../../api/http/json-body.ts';
import { gzipError, isGzip, isZlibError } from './gzip.ts';
import { fileError, InputError } from './input.ts';

/** A row of a CSV file. It may have another number of cells than the header. */
export interface CsvRow {
  /** The line on which the row begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Longest record, in characters: no event that a request can hold is longer, and an unclosed quote ends here. */
const MAX_RECORD = MAX_BODY_BYTES;
const GZIP_MAGIC_BYTES = 2;

/**
 * Reads a CSV file (RFC 4180, UTF-8, header included), gzipped or not, row by row.
 * @throws InputError when the file cannot be read, its rows cannot be told apart, or bytes are missing
 */
export async function readCsv(file: string, onRow: (row: CsvRow) => void): Promise<void> {
  let last = 0;
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'], // a file may mix them
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD,
    on_record: (cells: string[], { lines }) => {
      onRow({ line: lines - lineBreaks(cells.join('')), cells });
      last = lines;
      return null;
    },
  });
  try {
    await using handle = await open(file);
    const unpack = (await startsAsGzip(file, handle)) ? createGunzip() : new PassThrough();
    await pipeline(handle.createReadStream({ start: 0, autoClose: false }), unpack, decodeUtf8(file), parser.resume());
  } catch (error) {
    if (error instanceof CsvError) throw csvError(file, error, last);
    throw isZlibError(error) ? gzipError(file, error) : fileError(file, error);
  }
}

async function startsAsGzip(file: string, handle: FileHandle): Promise<boolean> {
  const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(GZIP_MAGIC_BYTES), position: 0 });
  if (bytesRead === 0) throw new InputError(file, '', 'is empty');
  return isGzip(buffer);
}

/** Decodes UTF-8 strictly. A lenient decoder runs beside it, to find the line of an error of the strict decoder. */
function decodeUtf8(file: string) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
    const strict = new TextDecoder('utf-8', { fatal: true });
    const lenient = new TextDecoder('utf-8');
    let line = 1;
    const decode = (chunk?: Buffer): string => {
      const text = lenient.decode(chunk, { stream: chunk !== undefined });
      try {
        strict.decode(chunk, { stream: chunk !== undefined });
      } catch (cause) {
        const place = `line ${line + lineBreaks(text.slice(0, text.indexOf('\uFFFD')))}`;
        throw new InputError(file, place, 'is not UTF-8 text', { cause });
      }
      line += lineBreaks(text);
      return text;
    };
    for await (const chunk of chunks) yield decode(chunk);
    yield decode();
  };
}

const lineBreaks = (text: string): number => text.split('\n').length - 1;

function csvError(file: string, error: CsvError, lastLine: number): InputError {
  const cause = { cause: error };
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
    case 'CSV_MAX_RECORD_SIZE': {
      const fault = `a quote is never closed, or the row is longer than ${MAX_RECORD} characters; nothing was imported`;
      return new InputError(file, `line ${lastLine + 1}`, fault, cause);
    }
    default: {
      const place = `line ${error['lines']}, column ${Number(error['index']) + 1}`;
      return new InputError(file, place, `${error.message}; nothing was imported`, cause);
    }
  }
}
