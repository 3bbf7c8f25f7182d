import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { ValidationError } from '../base/errors.ts';
import { streamId as streamOf } from '../base/stream-id.ts';
import { issuesOf } from '../base/validation.ts';
import type { EventType, NewEvent } from '../events/catalogue.ts';
import type { ScheduleAction } from '../events/schedule.ts';
import { type AnyDecider, handleCommand } from '../state/decider.ts';
import { appendRaw, assertOpen } from '../state/raw-append.ts';
import type { StateReader } from '../state/state-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { EnvelopeDefaults } from '../store/stamp.ts';

/** An aggregate with its commands, as an application declares it. */
export interface Commanded extends AnyDecider {
  readonly commands: Readonly<
    Record<string, { readonly body: z.ZodObject; readonly creates?: boolean; readonly internal?: boolean }>
  >;
}

/** What actions need: the store, and the declarations that they name. */
export interface ActionParts {
  readonly store: EventStore;
  readonly states: StateReader;
  readonly aggregates: readonly Commanded[];
  readonly sagas: readonly { readonly name: string; readonly startedBy: EventType }[];
}

/** The place of an effect. */
export interface ActionEffect {
  readonly streamId: string;
  readonly version: number;
}

/** The id under which the effect of a run is stored: a run that is done twice has one effect. */
export const effectIdOf = (scheduleId: string, dueAt: string): string =>
  `schedule-${hashOf(scheduleId, dueAt).slice(0, 40)}`;

/** The id of an aggregate that a run makes. */
const newIdOf = (scheduleId: string, dueAt: string): string => hashOf('id', scheduleId, dueAt).slice(0, 32);

const hashOf = (...parts: readonly string[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/**
 * Checks an action when its schedule is created: what is wrong for good is refused at once.
 * @param trusted by the machinery, which may use commands that have no route
 * @throws ValidationError, InvalidIdError, ReservedTypeError
 */
export async function checkAction(parts: ActionParts, action: ScheduleAction, trusted = false): Promise<void> {
  if (action.kind === 'command') return void readCommand(parts, action, trusted);
  const { streamId, events } = appendOf(parts, action, 'made-at-each-run');
  assertOpen(parts.store.catalogue, events);
  await parts.store.check(streamId, events);
}

/**
 * Does what a run of a schedule is to do, as the route of the command or of the append does it.
 * @throws what the command or the append throws
 */
export async function perform(
  parts: ActionParts,
  action: ScheduleAction,
  { scheduleId, dueAt }: { readonly scheduleId: string; readonly dueAt: string },
  options: { readonly defaults: EnvelopeDefaults; readonly now: () => Date },
): Promise<ActionEffect> {
  const commitId = effectIdOf(scheduleId, dueAt);
  // With a digest, a command that changed nothing is noted too.
  const digest = createHash('sha256').update(commitId).digest().subarray(0, 16).toString('base64url');
  const { store, states } = parts;
  const newId = newIdOf(scheduleId, dueAt);
  if (action.kind === 'command') {
    const { aggregate, data } = readCommand(parts, action, true);
    const id = action.id ?? newId;
    const command = { ...data, kind: action.command };
    const { version } = await handleCommand(store, aggregate, id, command, { ...options, states, commitId, digest });
    return { streamId: streamOf(aggregate.aggregateType, id), version };
  }
  const { streamId, events, expectedVersion } = appendOf(parts, action, newId);
  const { defaults } = options;
  const appended = await appendRaw(parts, streamId, events, { expectedVersion, defaults, commitId, digest });
  return { streamId, version: appended.toVersion };
}

function readCommand(
  { aggregates }: ActionParts,
  action: Extract<ScheduleAction, { kind: 'command' }>,
  trusted: boolean,
) {
  const aggregate = aggregates.find(({ aggregateType }) => aggregateType === action.aggregateType);
  if (!aggregate) throw invalid('action.aggregateType', 'is no aggregate of the application');
  const open = Object.entries(aggregate.commands).filter(([, { internal }]) => trusted || !internal);
  const command = Object.fromEntries(open)[action.command];
  if (!command) throw invalid('action.command', `is none of ${open.map(([name]) => name).join(', ')}`);
  if (action.id === undefined && !command.creates) throw invalid('action.id', 'is needed: the command creates nothing');
  const body = command.body.def.catchall ? command.body : command.body.strict();
  const { data, error } = body.safeParse(action.data);
  if (error) throw new ValidationError(issuesOf(error, ['action', 'data']));
  return { aggregate, data };
}

function appendOf({ store, sagas }: ActionParts, action: Exclude<ScheduleAction, { kind: 'command' }>, newId: string) {
  if (action.kind === 'append') {
    const { streamId, expectedVersion } = action;
    return { streamId, expectedVersion, events: action.events.map((event, index) => newEvent(store, event, index)) };
  }
  const saga = sagas.find(({ name }) => name === action.saga);
  const start = saga && store.catalogue.definitionOf(saga.startedBy);
  if (!start) throw invalid('action.saga', 'is no saga of the application');
  const id = action.id ?? newId;
  const ids = Object.fromEntries((start.streamIds ?? []).map((member) => [member, id]));
  const event = newEvent(store, { type: start.type, data: { ...action.data, ...ids } }, 0);
  return { streamId: streamOf(start.aggregateType, id), expectedVersion: 'any' as const, events: [event] };
}

function newEvent({ catalogue }: EventStore, event: unknown, index: number): NewEvent {
  const { data, error } = catalogue.newEvent.safeParse(event);
  if (error) throw new ValidationError(issuesOf(error, ['action', 'events', index]));
  return data;
}

const invalid = (path: string, message: string) => new ValidationError([{ path, message }]);
