import type { JsonObject } from '../events/json.ts';
import type { EventLog } from '../log/log.ts';
import { evolveView, type ProjectionOf } from './projection.ts';

/** A view as it was. */
export interface PastView {
  readonly key: string;
  readonly version: number;
  readonly view: JsonObject;
}

/**
 * All views of a projection as they were at an instant, in the order of their keys: what the events recorded at or before
 * it make of them, whatever came later. Folded from the log in one pass, in memory, and kept nowhere.
 * @param at ISO 8601
 */
export async function viewsAt(log: EventLog, projection: ProjectionOf<JsonObject>, at: string): Promise<PastView[]> {
  const views = new Map<string, { version: number; view: JsonObject | undefined }>();
  for await (const event of log.events(undefined, { aggregateType: projection.aggregateType, to: at })) {
    const { aggregateId: key, sequenceNumber } = event;
    const { version, view } = views.get(key) ?? { version: 0, view: undefined };
    // With clocks that disagree, an event can be of an earlier time than the one before it: no view skips an event.
    if (sequenceNumber !== version + 1) continue;
    views.set(key, { version: sequenceNumber, view: evolveView(projection, view, event) });
  }
  return [...views]
    .flatMap(([key, { version, view }]) => (view === undefined ? [] : [{ key, version, view }]))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}
