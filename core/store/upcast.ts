import type * as z from 'zod';
import { EventVersionError } from '../base/errors.ts';
import type { SchemaVersion, StreamVersion } from '../base/versions.ts';
import type { EventDefinition, RetiredEvent, Upcaster } from '../events/define.ts';
import type { JsonObject } from '../events/json.ts';
import { storedForm } from '../events/stored-form.ts';

/** The parts of an event that upcasting uses and changes. */
interface Versioned {
  readonly type: string;
  readonly version: SchemaVersion;
  readonly data: object;
}

/** The place of an event, for the error. */
export interface EventPlace {
  readonly stream: string;
  readonly sequenceNumber: StreamVersion;
}

/** The parts of a catalogue that upcasting uses. */
export interface KnownEvents {
  definitionOf(type: string): Pick<EventDefinition, 'version' | 'upcasters' | 'data'> | undefined;
  readonly retired: { get(type: string): RetiredEvent | undefined };
}

/** Most upcasting steps of an event; more means that retired types form a circle. */
const MAX_STEPS = 1_000;

/**
 * The event as its type is declared today: the upcasters of its declaration applied, one version after the other, through
 * types that were renamed or split. One that is up to date comes back as it is, unchecked; another is validated.
 * @throws EventVersionError when the type or version is not known here, or the event cannot be brought up to date
 */
export function upcast<E extends Versioned>(event: E, place: EventPlace, known: KnownEvents): E {
  const definition = known.definitionOf(event.type);
  if (definition?.version === event.version) return event;
  try {
    const { type, version, data } = bringUpToDate(structuredClone(event), known);
    const schema = known.definitionOf(type)?.data;
    return { ...event, type, version, data: schema && storedDataOf(schema).parse(data) };
  } catch (cause) {
    throw new EventVersionError({ ...place, type: event.type, version: event.version }, { cause });
  }
}

const storedData = new WeakMap<z.ZodObject, z.ZodType>();

/** Stored data may lie outside of today's rules. Made once for each declaration. */
function storedDataOf(schema: z.ZodObject): z.ZodType {
  const known = storedData.get(schema) ?? storedForm(schema);
  storedData.set(schema, known);
  return known;
}

function bringUpToDate(stored: Versioned, known: KnownEvents): Versioned {
  let event = stored;
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const { type, version } = event;
    const data = event.data as JsonObject; // what was stored was JSON
    const declared = known.definitionOf(type) ?? known.retired.get(type);
    if (!declared) throw new Error(`there is no event type ${type}`);
    if (version > declared.version) throw new Error(`${type} is known up to version ${declared.version}`);
    if (version < declared.version) event = { type, version: version + 1, data: upcasterOf(declared, version)(data) };
    else if ('succeed' in declared) event = declared.succeed(data);
    else return event;
  }
  throw new Error(`the successors of ${stored.type} form a circle`);
}

function upcasterOf({ upcasters }: { readonly upcasters?: readonly Upcaster[] }, version: SchemaVersion): Upcaster {
  const upcaster = upcasters?.[version - 1];
  if (!upcaster) throw new Error(`there is no upcaster from version ${version}`);
  return upcaster;
}
