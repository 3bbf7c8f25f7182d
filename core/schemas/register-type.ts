import { CommandRejectedError, ValidationError } from '../base/errors.ts';
import { parseStreamId, streamId } from '../base/stream-id.ts';
import { turn } from '../base/turns.ts';
import type { EventData } from '../events/catalogue.ts';
import { EVENT_TYPE_STREAMS } from '../events/event-type.ts';
import type { JsonObject } from '../events/json.ts';
import { subjectOf } from '../events/open-types.ts';
import type { AppendOptions } from '../store/append-options.ts';
import { atAnyVersion, type EventStore } from '../store/event-store.ts';
import { registrationIn } from '../store/registered-types.ts';
import { isSameSchema, narrowings } from './compatibility.ts';
import { compileSchema } from './compile.ts';
import { assertSchema } from './rules.ts';

/** A request for a version of an event type. */
export type TypeRequest = Omit<EventData<'eventtype.registered'>, 'version'>;

/** The newest version of a type, and whether the request made it. */
export interface Registered {
  readonly data: EventData<'eventtype.registered'>;
  readonly isNew: boolean;
}

/**
 * Registers a version of an event type. The same schema as that of the newest version changes nothing.
 * @throws ValidationError for a schema that is none, that is too costly, or that takes less than the version before
 * @throws CommandRejectedError when a module declares the type or its aggregate type, or the aggregate type would change
 */
export async function registerType(
  store: EventStore,
  request: TypeRequest,
  options: Pick<AppendOptions, 'defaults' | 'trace'> = {},
): Promise<Registered> {
  assertFree(store, request);
  await assertSchema(request.schema);
  await assertCompiles(request.schema);
  return atAnyVersion.execute(() => attempt(store, request, options));
}

async function attempt(
  store: EventStore,
  request: TypeRequest,
  options: Pick<AppendOptions, 'defaults' | 'trace'>,
): Promise<Registered> {
  const { type, aggregateType, schema, compatibility } = request;
  const before = (await registrationIn(store, type))?.data;
  if (before && before.aggregateType !== aggregateType) {
    throw new CommandRejectedError(`${type} belongs in ${before.aggregateType} streams, which cannot change`);
  }
  await turn();
  if (before && isSameSchema(before.schema, schema)) return { data: before, isNew: false };
  const issues = before && compatibility === 'backward' ? narrowings(before.schema, schema, 'schema') : [];
  if (issues.length > 0) throw new ValidationError(issues);
  const expectedVersion = before?.version ?? 0;
  const data = { ...request, version: expectedVersion + 1 };
  await store.append(streamId(EVENT_TYPE_STREAMS, type), [{ type: 'eventtype.registered', data }], {
    ...options,
    expectedVersion,
  });
  return { data, isNew: true };
}

/** Ajv refuses a few schemas that the draft allows, such as an empty `enum`. */
async function assertCompiles(schema: JsonObject): Promise<void> {
  await turn();
  try {
    compileSchema(schema);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ValidationError([{ path: 'schema', message: `cannot be compiled: ${why}` }], { cause });
  }
}

function assertFree({ catalogue }: EventStore, { type, aggregateType }: TypeRequest): void {
  parseStreamId(streamId(aggregateType, 'id'));
  if (catalogue.definitionOf(type)) {
    throw new CommandRejectedError(`${type} is declared by the application, so that it cannot be registered`);
  }
  if (catalogue.aggregateTypes.includes(aggregateType)) {
    throw new CommandRejectedError(`${aggregateType} streams take only the types that the application declares`);
  }
  if (catalogue.openFault(type) !== undefined) {
    const message = `has the subject ${subjectOf(type)} of types that the application declares; choose another`;
    throw new ValidationError([{ path: 'type', message }]);
  }
}
