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
/** Columns that have a separate member in the event. */
const PLACED: ReadonlySet<string> = new Set([
  'concept:name',
  'concept:instance',
  'time:timestamp',
  'org:resource',
  'org:group',
]);

/** The reasons for which the server would refuse events of a case, with their lines; empty when it would accept all. */
export function workflowFaults(name: string, rows: readonly LogRow[], workflowType: string): string[] {
  return toEvents(fitId(name), rows, workflowType).flatMap((event, index) => {
    const fault = eventFault(event);
    // The first row gives two events: the start and the first step.
    return fault ? [`line ${rows[Math.max(index - 1, 0)]?.line}: ${fault}`] : [];
  });
}

/**
 * Plans a case of a log, its rows in order, as the history of a workflow, in as few appends as possible. Each append expects
 * the version of the append before it, so that the history never mixes with another under the same name.
 * @param rows without faults
 */
export function planWorkflow(name: string, rows: readonly LogRow[], workflowType: string): StreamImport {
  const workflowId = fitId(name);
  const streamId = `workflow-${workflowId}`;
  const events = toEvents(workflowId, rows, workflowType);
  let version = 0;
  const requests = batches(events).map((batch): ImportRequest => {
    const body = { expectedVersion: version, events: batch };
    const options = { idempotencyKey: contentKey(streamId, body) };
    version += batch.length;
    return { events: batch.length, send: (client) => client.append(streamId, body, options) };
  });
  return { streamId, requests };
}

const toEvents = (workflowId: string, rows: readonly LogRow[], workflowType: string) => [
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
        output: toOutput(row),
        ...(next ? { nextStep: next.activity } : {}),
      },
    };
  });
}

/** Makes ids from names. A repeated name gets a number, so that no two steps have the same id. */
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

/** The name of a row: its instance, or a hash of all its cells. Equal rows get numbers. */
function stepName({ attributes }: LogRow): string {
  return attributes.get('concept:instance') ?? digest(JSON.stringify([...attributes]));
}

function toOutput({ attributes }: LogRow): Record<string, string> {
  const others = [...attributes].filter(([column]) => !column.startsWith(CASE_PREFIX) && !PLACED.has(column));
  const resource = attributes.get('org:resource');
  const group = attributes.get('org:group');
  return { ...(resource && { resource }), ...(group && { group }), ...Object.fromEntries(others) };
}

/** Divides events into appends within the limits of events and bytes. A larger event gets a separate append. */
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
