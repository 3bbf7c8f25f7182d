import { type Issue, ValidationError } from '../base/errors.ts';
import { issuesOf } from '../base/validation.ts';
import type { SchemaVersion } from '../base/versions.ts';
import type { Catalogue, NewEvent } from '../events/catalogue.ts';
import { findJsonFault } from '../events/json.ts';
import { MAX_EVENTS_PER_COMMIT } from './commit.ts';

/** Most events of an append that have an id of their caller's: with the commit, as many items as a transaction may have. */
export const MAX_GIVEN_IDS = MAX_EVENTS_PER_COMMIT - 1;

/** The event types of a store. */
export interface StoreTypes {
  readonly catalogue: Catalogue;
  /** The check of open types; see core/store/registered-types.ts. */
  readonly registered: {
    check(aggregateType: string, events: readonly NewEvent[]): Promise<readonly SchemaVersion[]>;
  };
}

/**
 * Checks the events of an append.
 * @returns the version of the schema by which each event was checked
 * @throws ValidationError unless these are 1 to 100 valid events for a stream of this aggregate type
 */
export async function checkEvents(
  { catalogue, registered }: StoreTypes,
  aggregateType: string,
  events: readonly NewEvent[],
): Promise<readonly SchemaVersion[]> {
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
  const declared = events.map(({ type }) => catalogue.definitionOf(type)?.version);
  const isDeclared = declared.every((version) => version !== undefined);
  return isDeclared ? declared : registered.check(aggregateType, events); // a stream has declared types or open ones
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
  const message = typeFault(catalogue, aggregateType, event.type);
  return message === undefined ? [] : [{ path: [...path, 'type'].join('.'), message }];
}

function typeFault(catalogue: Catalogue, aggregateType: string, type: string): string | undefined {
  const home = catalogue.definitionOf(type)?.aggregateType;
  if (home === aggregateType) return undefined;
  if (home !== undefined) return `belongs in a ${home} stream, this is a ${aggregateType} stream`;
  if (catalogue.isOpen(aggregateType, type)) return undefined;
  const known = catalogue.definitions.filter((definition) => definition.aggregateType === aggregateType);
  return `is not a known event type of ${aggregateType} streams; known are ${known.map((each) => each.type).join(', ')}`;
}
