import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import { caseEvents } from './case-events.ts';
import { CaseSorter } from './case-sorter.ts';
import { type CsvRow, csvRows } from './csv-rows.ts';
import { parseLogInstant } from './log-instant.ts';
import type { LogNames, LogRow } from './log-row.ts';

/** The columns of a log that mean something to the import. */
export interface ColumnMap {
  readonly case: string;
  readonly activity: string;
  readonly time: string;
  readonly resource: string;
  readonly instance: string;
  readonly lifecycle: string;
}

/** The names of columns that follow XES. */
export const XES_COLUMNS: ColumnMap = {
  case: 'case:concept:name',
  activity: 'concept:name',
  time: 'time:timestamp',
  resource: 'org:resource',
  instance: 'concept:instance',
  lifecycle: 'lifecycle:transition',
};

/**
 * A log of a process as a CSV file with a row for each event. The rows may be in any order. A broken row leaves its case out,
 * and the others are imported.
 */
export function csvPart(file: SourceFile, names: LogNames, columns: ColumnMap): SourcePart {
  return { name: file.path, checkFirst: false, events: (notices) => csvEvents(file, names, columns, notices) };
}

async function* csvEvents(
  file: SourceFile,
  names: LogNames,
  columns: ColumnMap,
  notices: Notices,
): AsyncGenerator<SourceEvent> {
  using sorter = new CaseSorter();
  let header: readonly string[] | undefined;
  await csvRows(file, (row) => {
    if (header) addRow({ sorter, header, columns, notices }, row);
    else header = checkHeader(row, columns);
  });
  if (!header) throw new SourceFault('', 'has no header');
  if (sorter.isEmpty) throw new SourceFault('', 'has a header but no rows that could be read');
  for (const { name, rows } of sorter.cases()) yield* caseEvents(names, name, rows);
}

function checkHeader({ line, cells }: CsvRow, { case: name, activity, time }: ColumnMap): readonly string[] {
  const place = `line ${line}`;
  const missing = [name, activity, time].filter((column) => !cells.includes(column));
  if (missing.length > 0) {
    const found = cells
      .map((cell) => cell.slice(0, 40))
      .join(', ')
      .slice(0, 200);
    const remedy = `name the columns: --map case=…,activity=…,time=…`;
    throw new SourceFault(place, `the header lacks ${missing.join(', ')}; it has ${found}; ${remedy}`);
  }
  const twice = cells.find((cell, index) => cell !== '' && cells.indexOf(cell) < index);
  if (twice !== undefined) throw new SourceFault(place, `the header has ${twice} twice`);
  if (cells.includes('__proto__')) throw new SourceFault(place, '__proto__ is a name that is not accepted');
  return cells;
}

interface Reading {
  readonly sorter: CaseSorter;
  readonly header: readonly string[];
  readonly columns: ColumnMap;
  readonly notices: Notices;
}

function addRow({ sorter, header, columns, notices }: Reading, { line, cells }: CsvRow): void {
  // A column without a name is the row number that some programs write.
  const values = new Map(header.flatMap((name, index) => cell(name, cells[index])));
  const name = values.get(columns.case);
  const refuse = (place: string, fault: string) => {
    if (name !== undefined) sorter.leaveOut(name);
    const effect = name === undefined ? 'the row was left out' : `case ${name} was left out`;
    notices.problem(place, `${fault}; ${effect}`);
  };
  if (cells.length !== header.length) {
    return void refuse(`line ${line}`, `has ${cells.length} cells, the header has ${header.length}`);
  }
  const activity = values.get(columns.activity);
  if (name === undefined) return void refuse(`line ${line}, column ${columns.case}`, 'is empty');
  if (activity === undefined) return void refuse(`line ${line}, column ${columns.activity}`, 'is empty');
  const at = parseLogInstant(values.get(columns.time) ?? '');
  if ('fault' in at) return void refuse(`line ${line}, column ${columns.time}`, at.fault);
  if (at.isAssumed) notices.count('times without an offset, taken as UTC');
  const { [columns.case]: _, ...others } = Object.fromEntries(values);
  const attributes = Object.entries(others).filter(([column]) => !isPlaced(column, columns));
  const row: LogRow = {
    place: `line ${line}`,
    at,
    activity,
    transition: values.get(columns.lifecycle)?.toLowerCase(),
    resource: values.get(columns.resource),
    instance: values.get(columns.instance),
    attributes: new Map(attributes.map(([column, value]) => [column === 'org:group' ? 'group' : column, value])),
  };
  sorter.add(name, row);
}

/** Columns that have a separate member in the event. */
const isPlaced = (column: string, { lifecycle: _, ...columns }: ColumnMap): boolean =>
  Object.values(columns).includes(column);

const cell = (name: string, value: string | undefined): [string, string][] => (name && value ? [[name, value]] : []);
