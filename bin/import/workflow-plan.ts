import type { NewEvent } from '../../core/events/catalogue.ts';
import { MAX_EVENTS_PER_COMMIT } from '../../core/store/commit.ts';
import { eventFault } from './event-fault.ts';
import { contentKey, digest, fitId } from './identity.ts';
import type { LogInstant } from './log-instant.ts';
import { SAFE_BATCH_BYTES } from './request-size.ts';
import type { ImportRequest, StreamImport } from './run-import.ts';

/** An event of a log. */
export interface LogRow {
  readonly line: number;
  readonly at: LogInstant;
  readonly activity: string;
  /** The row's non-empty cells by column. */
  readonly attributes: ReadonlyMap<string, string>;
}

const CASE_PREFIX = 'case:';
/** Columns that have a place of their own in the event. */
const PLACED: ReadonlySet<string> = new Set([
  'concept:name',
  'concept:instance',
  'time:timestamp',
  'org:resource',
  'org:group',
]);

/** Why the server would not take events of a case, with the lines in the file; empty when it takes all. */
export function workflowFaults(name: string, rows: readonly LogRow[], workflowType: string): string[] {
  return eventsOf(fitId(name), rows, workflowType).flatMap((event, index) => {
    const fault = eventFault(event);
    // The first event, the start, is made from the first row as well.
    return fault ? [`line ${rows[Math.max(index - 1, 0)]?.line}: ${fault}`] : [];
  });
}

/**
 * A case of a log, its rows in order, as the history of one workflow, in as few appends as fit. Each append expects the
 * version that the one before it led to, so another history under the same name is never mixed with this one.
 * @param rows without faults
 */
export function planWorkflow(name: string, rows: readonly LogRow[], workflowType: string): StreamImport {
  const workflowId = fitId(name);
  const streamId = `workflow-${workflowId}`;
  const events = eventsOf(workflowId, rows, workflowType);
  let version = 0;
  const requests = batches(events).map((batch): ImportRequest => {
    const body = { expectedVersion: version, events: batch };
    const options = { idempotencyKey: contentKey(streamId, body) };
    version += batch.length;
    return { events: batch.length, send: (client) => client.append(streamId, body, options) };
  });
  return { streamId, requests };
}

const eventsOf = (workflowId: string, rows: readonly LogRow[], workflowType: string) => [
  ...started(workflowId, workflowType, rows),
  ...steps(workflowId, rows),
];

function started(workflowId: string, workflowType: string, rows: readonly LogRow[]): NewEvent<'workflow.started'>[] {
  const [first] = rows;
  if (!first) return [];
  const parameters: Record<string, string> = {};
  for (const { attributes } of rows) {
    for (const [column, value] of attributes) {
      if (column.startsWith(CASE_PREFIX)) parameters[column.slice(CASE_PREFIX.length)] ??= value;
    }
  }
  const initiatedBy = first.attributes.get('org:resource') ?? 'unknown';
  return [
    {
      type: 'workflow.started',
      timestamp: first.at.iso,
      source: 'import',
      data: { workflowId, workflowType, initiatedBy, parameters },
    },
  ];
}

function steps(workflowId: string, rows: readonly LogRow[]): NewEvent<'workflow.step-completed'>[] {
  const newId = uniqueIds();
  return rows.map((row, index) => {
    const stepId = newId(stepName(row));
    const next = rows[index + 1];
    return {
      type: 'workflow.step-completed',
      timestamp: row.at.iso,
      source: 'import',
      data: {
        workflowId,
        stepId,
        stepType: row.activity,
        output: outputOf(row),
        ...(next ? { nextStep: next.activity } : {}),
      },
    };
  });
}

/** Names as ids. A name that comes again gets a number, and never the id of an earlier step. */
function uniqueIds(): (name: string) => string {
  const taken = new Set<string>();
  const times = new Map<string, number>();
  return (name) => {
    for (;;) {
      const time = (times.get(name) ?? 0) + 1;
      times.set(name, time);
      const id = fitId(time === 1 ? name : `${name}~${time}`);
      if (taken.has(id)) continue;
      taken.add(id);
      return id;
    }
  };
}

/** A row without an instance of its own is named after all it says; one that comes twice is told apart by a number. */
function stepName({ attributes }: LogRow): string {
  return attributes.get('concept:instance') ?? digest(JSON.stringify([...attributes]));
}

function outputOf({ attributes }: LogRow): Record<string, string> {
  const others = [...attributes].filter(([column]) => !column.startsWith(CASE_PREFIX) && !PLACED.has(column));
  const resource = attributes.get('org:resource');
  const group = attributes.get('org:group');
  return { ...(resource && { resource }), ...(group && { group }), ...Object.fromEntries(others) };
}

/** Cuts events into appends: as many as one may hold, and as many bytes as surely fit; a larger event stands alone. */
function batches(events: readonly NewEvent[]): NewEvent[][] {
  const cut: NewEvent[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const size = Buffer.byteLength(JSON.stringify(event)) + 1;
    const batch = cut.at(-1);
    if (batch && batch.length < MAX_EVENTS_PER_COMMIT && bytes + size <= SAFE_BATCH_BYTES) {
      batch.push(event);
      bytes += size;
    } else {
      cut.push([event]);
      bytes = size;
    }
  }
  return cut;
}
