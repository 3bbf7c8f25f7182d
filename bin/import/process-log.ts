import { type CsvRow, readCsv } from './csv-file.ts';
import { InputError } from './input.ts';
import { compareInstants, parseLogInstant } from './log-instant.ts';
import type { ImportSource } from './run-import.ts';
import { type LogRow, planWorkflow, workflowFaults } from './workflow-plan.ts';

/** The columns that every row needs, by their XES names. */
const CASE = 'case:concept:name';
const ACTIVITY = 'concept:name';
const TIMESTAMP = 'time:timestamp';

/** Settings of {@link readProcessLog}. */
export interface ProcessLogOptions {
  /** The type of the workflows. */
  readonly workflowType: string;
  /** Whether times without an offset are UTC; else they are faults. */
  readonly assumeUtc: boolean;
}

/** Most faults of a file that are reported at once. */
const MAX_FAULTS = 5;

interface Reading {
  readonly cases: Map<string, LogRow[]>;
  readonly faults: string[];
}

/**
 * Reads a log of a process: a CSV file, gzipped or not, with a row for each event and the column names of XES. Every row is
 * checked before any request, so a file is imported as a whole or not at all.
 * @returns a source for each case
 * @throws InputError when the file cannot be read, or a row is broken; it names the first five faults with their lines
 */
export async function readProcessLog(file: string, options: ProcessLogOptions): Promise<readonly ImportSource[]> {
  const reading: Reading = { cases: new Map(), faults: [] };
  let header: readonly string[] | undefined;
  await readCsv(file, (row) => {
    if (!header) header = checkHeader(file, row);
    else if (row.cells.length === header.length) addRow(reading, header, row, options.assumeUtc);
    else reading.faults.push(`line ${row.line}: has ${row.cells.length} cells, the header has ${header.length}`);
  });
  if (!header) throw new InputError(file, '', 'has no header');
  refuseFaults(file, reading.faults);
  if (reading.cases.size === 0) throw new InputError(file, '', 'has a header but no rows');
  // The sort is stable, so rows of the same instant keep the order of the file.
  for (const rows of reading.cases.values()) rows.sort((a, b) => compareInstants(a.at, b.at));
  const cases = [...reading.cases];
  refuseFaults(
    file,
    cases.flatMap(([name, rows]) => workflowFaults(name, rows, options.workflowType)),
  );
  return cases.map(([name, rows]) => ({
    name: `${file}: case ${name}`,
    load: async () => planWorkflow(name, rows, options.workflowType),
  }));
}

function refuseFaults(file: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  const more = faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : '';
  throw new InputError(file, '', `${faults.slice(0, MAX_FAULTS).join('; ')}${more}; nothing was imported`);
}

function checkHeader(file: string, { line, cells }: CsvRow): readonly string[] {
  const place = `line ${line}`;
  const missing = [CASE, ACTIVITY, TIMESTAMP].filter((column) => !cells.includes(column));
  if (missing.length > 0) {
    const found = cells
      .map((cell) => cell.slice(0, 40))
      .join(', ')
      .slice(0, 200);
    throw new InputError(file, place, `the header lacks ${missing.join(', ')}; it has ${found}`);
  }
  const twice = cells.find((cell, index) => cell !== '' && cells.indexOf(cell) < index);
  if (twice !== undefined) throw new InputError(file, place, `the header has ${twice} twice`);
  if (cells.includes('__proto__')) throw new InputError(file, place, '__proto__ is a name that is not accepted');
  return cells;
}

function addRow({ cases, faults }: Reading, header: readonly string[], row: CsvRow, assumeUtc: boolean): void {
  // A column without a name is the row number that some programs write.
  const attributes = new Map(header.flatMap((name, index) => cell(name, row.cells[index])));
  const fault = (column: string, message: string) => faults.push(`line ${row.line}, column ${column}: ${message}`);
  const name = attributes.get(CASE);
  if (name === undefined) return void fault(CASE, 'is empty');
  const activity = attributes.get(ACTIVITY);
  if (activity === undefined) return void fault(ACTIVITY, 'is empty');
  const at = parseLogInstant(attributes.get(TIMESTAMP) ?? '', assumeUtc);
  if ('fault' in at) return void fault(TIMESTAMP, at.fault);
  const rows = cases.get(name) ?? [];
  cases.set(name, rows);
  rows.push({ line: row.line, at, activity, attributes });
}

const cell = (name: string, value: string | undefined): [string, string][] => (name && value ? [[name, value]] : []);
