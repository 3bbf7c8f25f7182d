import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import type { SourceFile } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';

/** A row of a CSV file. It may have another number of cells than the header. */
export interface CsvRow {
  /** The line on which the row begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Longest record, in characters: no event that a request can hold is longer, and an unclosed quote ends here. */
const MAX_RECORD = 5 * 1024 * 1024;

/**
 * Reads a CSV file (RFC 4180, UTF-8, header included) row by row. Cells may also be divided by semicolons or tabs.
 * @throws SourceFault when the file is no text, or its rows cannot be told apart
 */
export async function csvRows(file: SourceFile, onRow: (row: CsvRow) => void): Promise<void> {
  let last = 0;
  const parser = parse({
    bom: true,
    delimiter: await delimiterOf(file),
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
    await pipeline(file.read(), decodeUtf8, parser.resume());
  } catch (error) {
    if (error instanceof CsvError) throw csvFault(error, last);
    throw error;
  }
}

/** What divides the cells of the header. */
async function delimiterOf(file: SourceFile): Promise<string> {
  for await (const chunk of file.read()) {
    const header = new TextDecoder().decode(chunk).split(/[\r\n]/, 1)[0] ?? '';
    const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, times: header.split(delimiter).length }));
    return counted.reduce((most, each) => (each.times > most.times ? each : most)).delimiter;
  }
  return ',';
}

/** Decodes UTF-8 strictly. A lenient decoder runs beside it, to find the line of an error of the strict decoder. */
async function* decodeUtf8(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const strict = new TextDecoder('utf-8', { fatal: true });
  const lenient = new TextDecoder('utf-8');
  let line = 1;
  const decode = (chunk?: Uint8Array): string => {
    const text = lenient.decode(chunk, { stream: chunk !== undefined });
    try {
      strict.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      const place = `line ${line + lineBreaks(text.slice(0, text.indexOf('\uFFFD')))}`;
      throw new SourceFault(place, 'is not UTF-8 text', { cause });
    }
    line += lineBreaks(text);
    return text;
  };
  for await (const chunk of chunks) yield decode(chunk);
  yield decode();
}

const lineBreaks = (text: string): number => text.split('\n').length - 1;

function csvFault(error: CsvError, lastLine: number): SourceFault {
  const cause = { cause: error };
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
    case 'CSV_MAX_RECORD_SIZE': {
      const fault = `a quote is never closed, or the row is longer than ${MAX_RECORD} characters`;
      return new SourceFault(`line ${lastLine + 1}`, `${fault}; nothing was imported`, cause);
    }
    default: {
      const place = `line ${error['lines']}, column ${Number(error['index']) + 1}`;
      return new SourceFault(place, `${error.message}; nothing was imported`, cause);
    }
  }
}
