import { type CsvRow, readCsv } from './csv-file.ts';
import { InputError } from './input.ts';
import { compareInstants, parseLogInstant } from './log-instant.ts';
import type { ImportSource } from './run-import.ts';
import { type LogRow, planWorkflow } from './workflow-plan.ts';

/** The columns that every row needs, by their XES names. */
const CASE = 'case:concept:name';
const ACTIVITY = 'concept:name';
const TIMESTAMP = 'time:timestamp';

export interface ProcessLogOptions {
  /** What the workflows are of. */
  readonly workflowType: string;
  /** Take times without an offset as UTC. */
  readonly assumeUtc: boolean;
}

export interface ProcessLog {
  /** One per case. A case with a broken row is refused whole, so that the mended file can be imported later. */
  readonly cases: readonly ImportSource[];
  /** Broken rows of which nobody can say to which case they belong. */
  readonly problems: readonly string[];
}

/** Most faults of one case that are told at once. */
const MAX_FAULTS = 5;

interface Case {
  readonly rows: LogRow[];
  readonly faults: string[];
}

/**
 * Reads a log of a process: a CSV file, gzipped or not, with a row per event and the column names of XES.
 * @throws InputError when the file as a whole cannot be read; nothing is to be imported then
 */
export async function readProcessLog(file: string, options: ProcessLogOptions): Promise<ProcessLog> {
  const log = new Map<string, Case>();
  const shapeless: CsvRow[] = [];
  let header: readonly string[] | undefined;
  await readCsv(file, (row) => {
    if (!header) header = checkHeader(file, row);
    else if (row.cells.length !== header.length) shapeless.push(row);
    else addRow(log, header, row, options.assumeUtc);
  });
  if (!header) throw new InputError(file, '', 'has no header');

  const problems: string[] = [];
  for (const row of shapeless) {
    const fault = `line ${row.line}: has ${row.cells.length} cells, the header has ${header.length}`;
    // Its cells stand in the wrong columns, so it may belong to any case that it names anywhere.
    const suspects = mentions(row).flatMap((name) => log.get(name) ?? []);
    for (const { faults } of suspects) faults.push(fault);
    if (suspects.length === 0) problems.push(new InputError(file, '', fault).message);
  }
  const nameless = log.get('');
  problems.push(...(nameless?.faults ?? []).map((fault) => new InputError(file, '', fault).message));
  log.delete('');
  if (log.size === 0 && problems.length === 0) throw new InputError(file, '', 'has a header but no rows');
  return { cases: [...log].map(([name, found]) => caseSource(file, name, found, options.workflowType)), problems };
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

function addRow(log: Map<string, Case>, header: readonly string[], row: CsvRow, assumeUtc: boolean): void {
  // A column without a name is the row number that some programs write.
  const attributes = new Map(header.flatMap((name, index) => cell(name, row.cells[index])));
  const name = attributes.get(CASE) ?? '';
  const own = log.get(name) ?? { rows: [], faults: [] };
  log.set(name, own);
  const fault = (column: string, what: string) => own.faults.push(`line ${row.line}, column ${column}: ${what}`);
  if (name === '') return void fault(CASE, 'is empty');
  const activity = attributes.get(ACTIVITY);
  if (activity === undefined) return void fault(ACTIVITY, 'is empty');
  const at = parseLogInstant(attributes.get(TIMESTAMP) ?? '', assumeUtc);
  if ('fault' in at) return void fault(TIMESTAMP, at.fault);
  own.rows.push({ line: row.line, at, activity, attributes });
}

const cell = (name: string, value: string | undefined): [string, string][] => (name && value ? [[name, value]] : []);

function mentions({ cells }: CsvRow): string[] {
  return [...new Set(cells.flatMap((cell) => [cell, ...cell.split(/[\s,;"]+/)]))].filter((word) => word !== '');
}

function caseSource(file: string, name: string, { rows, faults }: Case, workflowType: string): ImportSource {
  const place = `case ${name}`;
  return {
    name: `${file}: ${place}`,
    load: async () => {
      if (faults.length > 0) {
        const more = faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : '';
        throw new InputError(file, place, `left out because of ${faults.slice(0, MAX_FAULTS).join('; ')}${more}`);
      }
      // Stable: rows of one instant stay in the file's order.
      const sorted = rows.toSorted((a, b) => compareInstants(a.at, b.at));
      return planWorkflow(file, name, sorted, workflowType);
    },
  };
}
