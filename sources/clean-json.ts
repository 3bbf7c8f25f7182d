import type { Json, JsonObject } from '../core/events/json.ts';

/** Deepest nesting of what is kept; the envelope of an event needs some levels of its own. */
const MAX_DEPTH = 24;

/**
 * A value of a source as JSON that can be stored. Half surrogates become U+FFFD, a member `__proto__` is renamed, and what
 * is nested too deeply is kept as text.
 */
export function cleanJson(value: unknown, depth = MAX_DEPTH): Json {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null) return null;
  if (depth === 0) return asText(value);
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth - 1));
  return cleanObject(value, depth);
}

/** The same for an object. Members without a value are left out. */
export function cleanObject(value: object, depth = MAX_DEPTH): JsonObject {
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  return Object.fromEntries(members.map(([name, member]) => [nameOf(name), cleanJson(member, depth - 1)]));
}

/** Most bytes of what is kept beside an event. With its data it has to fit in a request. */
const MAX_KEPT_BYTES = 3 * 1024 * 1024;
/** Characters of a text that is shortened when there is too much. */
const LONG_TEXT = 16 * 1024;

/** What is kept beside an event. When it is too large, its long texts, such as images, are cut, and it says so. */
export function fitting(kept: JsonObject): JsonObject {
  const bytes = Buffer.byteLength(JSON.stringify(kept));
  return bytes <= MAX_KEPT_BYTES ? kept : { ...(shortened(kept) as JsonObject), shortenedFrom: `${bytes} bytes` };
}

/** Most bytes of an event with what is kept beside it: a request takes 5 MB. */
const MAX_EVENT_BYTES = 4.5 * 1024 * 1024;
/** Characters of a text in the data of an event that is too large. Each may need six bytes. */
const LONG_DATA_TEXT = 128 * 1024;

/** An event's data and metadata. When both are too large together, their long texts are cut, and the metadata says so. */
export function fittingEvent(data: JsonObject, metadata: JsonObject): { data: JsonObject; metadata: JsonObject } {
  const bytes = Buffer.byteLength(JSON.stringify([data, metadata]));
  if (bytes <= MAX_EVENT_BYTES) return { data, metadata };
  return {
    data: shortened(data, LONG_DATA_TEXT) as JsonObject,
    metadata: { ...(shortened(metadata) as JsonObject), shortenedFrom: `${bytes} bytes` },
  };
}

function shortened(value: Json, most = LONG_TEXT): Json {
  if (typeof value === 'string') {
    return value.length <= most ? value : `${value.slice(0, most).toWellFormed()}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return value.map((item) => shortened(item, most));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shortened(member, most)]));
}

const nameOf = (name: string): string => (name === '__proto__' ? '__proto' : name.toWellFormed());

function asText(value: object): string {
  try {
    return JSON.stringify(value).toWellFormed();
  } catch {
    return 'nested too deeply to be kept';
  }
}
