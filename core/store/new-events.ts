import { type Issue, ValidationError } from '../base/errors.ts';
import { issuesOf } from '../base/validation.ts';
import type { Catalogue, NewEvent } from '../events/catalogue.ts';
import { findJsonFault } from '../events/json.ts';
import { MAX_EVENTS_PER_COMMIT } from './commit.ts';

/** Most events of an append that have an id of their caller's: with the commit, as many items as a transaction may have. */
export const MAX_GIVEN_IDS = MAX_EVENTS_PER_COMMIT - 1;

/** @throws ValidationError unless these are 1 to 100 valid events for a stream of this aggregate type */
export function assertEvents(catalogue: Catalogue, aggregateType: string, events: readonly NewEvent[]): void {
  if (events.length < 1 || events.length > MAX_EVENTS_PER_COMMIT) {
    const message = `must hold 1 to ${MAX_EVENTS_PER_COMMIT} events, holds ${events.length}`;
    throw new ValidationError([{ path: 'events', message }]);
  }
  const issues = events.flatMap((event, index) => eventIssues(catalogue, aggregateType, event, ['events', index]));
  const ids = events.map((event) => event.id).filter((id) => id !== undefined);
  if (new Set(ids).size < ids.length) issues.push({ path: 'events', message: 'holds an event id twice' });
  if (ids.length > MAX_GIVEN_IDS) {
    const message = `gives ids to ${ids.length} events; an append can give ${MAX_GIVEN_IDS}: leave out an id, or append the events in two parts`;
    issues.push({ path: 'events', message });
  }
  if (issues.length > 0) throw new ValidationError(issues);
}

function eventIssues(
  catalogue: Catalogue,
  aggregateType: string,
  event: NewEvent,
  path: readonly PropertyKey[],
): Issue[] {
  const fault = findJsonFault(event);
  if (fault) return [{ path: [...path, ...fault.path].join('.'), message: fault.message }];
  const parsed = catalogue.newEvent.safeParse(event);
  if (!parsed.success) return issuesOf(parsed.error, path);
  const home = catalogue.definitionOf(event.type)?.aggregateType;
  if (home === aggregateType) return [];
  return [
    { path: [...path, 'type'].join('.'), message: `belongs in a ${home} stream, this is a ${aggregateType} stream` },
  ];
}
