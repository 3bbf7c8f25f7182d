import type { NewEvent } from '../../core/events/catalogue.ts';
import type { Json, JsonObject } from '../../core/events/json.ts';
import { cleanJson, cleanObject } from '../clean-json.ts';
import { digest, fitId } from '../names.ts';
import { eventId, type SourceEvent } from '../source-event.ts';
import type { LogNames, LogRow } from './log-row.ts';
import { OpenActivities } from './open-activities.ts';

const CASE_PREFIX = 'case:';

/** The id of the workflow of a case. */
export const workflowIdOf = ({ prefix }: LogNames, name: string): string => fitId(`${prefix}${name}`);

/**
 * The events of a case, its rows in order, as the history of a workflow. A row that completes an activity completes a step.
 * The other rows are kept with the next step. While an activity is open, the last step names it as the next step, so that
 * the workflow runs.
 */
export function* caseEvents(
  names: LogNames,
  name: string,
  rows: readonly LogRow[],
  parameters: JsonObject = {},
): Generator<SourceEvent> {
  const workflowId = workflowIdOf(names, name);
  const [first] = rows;
  if (!first) return;
  // Another log with this case begins otherwise, and is refused instead of mixed with this one.
  const content = [names.file, first.activity, first.at.iso];
  yield* wrapped(workflowId, { key: 'started', content }, first, {
    type: 'workflow.started',
    data: {
      workflowId,
      workflowType: names.workflowType,
      initiatedBy: (first.resource ?? 'unknown').slice(0, 128),
      parameters: { ...cleanObject(parameters), ...caseValues(rows) },
    },
  });
  const open = new OpenActivities();
  const newId = uniqueIds();
  const completed = rows.flatMap((row) => {
    const done = open.take(row);
    return done ? [{ row, ...done }] : [];
  });
  const [stillOpen] = open.names();
  for (const [index, { row, startedAt, before }] of completed.entries()) {
    const stepId = newId(row.instance ?? digest(JSON.stringify([row.activity, row.at.iso, ...row.attributes])));
    const nextStep = completed[index + 1]?.row.activity ?? stillOpen;
    const event = {
      type: 'workflow.step-completed' as const,
      ...(before.length > 0 ? { metadata: { before: cleanJson(before) } } : {}),
      data: {
        workflowId,
        stepId,
        stepType: row.activity,
        output: outputOf(row, startedAt),
        ...(nextStep === undefined ? {} : { nextStep }),
      },
    };
    yield* wrapped(workflowId, { key: stepId }, row, event);
  }
}

function* wrapped(
  workflowId: string,
  { key, content }: { readonly key: string; readonly content?: unknown },
  { at, place }: LogRow,
  event: NewEvent,
): Generator<SourceEvent> {
  const id = eventId(workflowId, key, content);
  yield {
    streamId: `workflow-${workflowId}`,
    place,
    event: { id, timestamp: at.iso, source: 'import', ...event } as never,
  };
}

function caseValues(rows: readonly LogRow[]): JsonObject {
  const values: Record<string, Json> = {};
  for (const { attributes } of rows) {
    for (const [name, value] of attributes) {
      if (name.startsWith(CASE_PREFIX)) values[name.slice(CASE_PREFIX.length)] ??= value;
    }
  }
  return values;
}

function outputOf({ attributes, resource }: LogRow, startedAt: string | undefined): Json {
  const others = [...attributes].filter(([name]) => !name.startsWith(CASE_PREFIX));
  return {
    ...(resource === undefined ? {} : { resource }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...Object.fromEntries(others),
  };
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
