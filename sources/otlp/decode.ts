import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { turn } from '../../core/base/turns.ts';
import { cleanObject } from '../clean-json.ts';
import { type Attributes, attributesOf, isObject } from './attributes.ts';
import { parseJson } from './json-in-pieces.ts';
import { MalformedRequestError } from './malformed.ts';
import { type LogRecord, LogRecordSchema } from './messages/opentelemetry/proto/logs/v1/logs_pb.js';
import { ResourceSchema } from './messages/opentelemetry/proto/resource/v1/resource_pb.js';
import { type Span, SpanSchema } from './messages/opentelemetry/proto/trace/v1/trace_pb.js';

/** The two encodings of OTLP over HTTP. */
export type Encoding = 'protobuf' | 'json';

/** The kinds of telemetry that are read. Both requests have the same form: records by scope, by resource. */
const signals = {
  traces: { record: SpanSchema, resources: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' },
  logs: { record: LogRecordSchema, resources: 'resourceLogs', scopes: 'scopeLogs', records: 'logRecords' },
} as const;

interface Records {
  readonly traces: Span;
  readonly logs: LogRecord;
}
type Signal = (typeof signals)[keyof typeof signals];

/** A record of a request, with the attributes of the resource that sent it; the error of a record that cannot be read. */
export type Received<M> = { readonly resource: Attributes } & ({ readonly record: M } | { readonly error: unknown });

/**
 * Reads the records of an export request one by one, so that others have their turns in between.
 * @throws MalformedRequestError for a body that is no such request
 */
export async function* recordsOf<Name extends keyof Records>(
  name: Name,
  encoding: Encoding,
  body: Uint8Array,
): AsyncGenerator<Received<Records[Name]>> {
  const groups = encoding === 'json' ? await groupsOfJson(signals[name], body) : groupsOfBinary(signals[name], body);
  for (const { resource, records } of groups) {
    for (const read of records) {
      yield { resource, ...attempt(read) } as Received<Records[Name]>;
      await turn();
    }
  }
}

/** The records of a resource, each read when it is asked for. */
interface Group {
  readonly resource: Attributes;
  readonly records: readonly (() => Message)[];
}

function attempt(read: () => Message): { record: Message } | { error: unknown } {
  try {
    return { record: read() };
  } catch (error) {
    return { error };
  }
}

/** Numbers of the fields of a request, which are the same for spans and logs. */
const RESOURCES = 1;
const RESOURCE = 1;
const SCOPES = 2;
const RECORDS = 2;

function groupsOfBinary({ record }: Signal, body: Uint8Array): Group[] {
  return whole(() =>
    fieldsOf(body, RESOURCES).map((group) => {
      const [resource] = fieldsOf(group, RESOURCE);
      const records = fieldsOf(group, SCOPES).flatMap((scope) => fieldsOf(scope, RECORDS));
      return {
        resource: resource ? attributesOf(fromBinary(ResourceSchema, resource).attributes) : {},
        records: records.map((bytes) => () => fromBinary(record as DescMessage, bytes)),
      };
    }),
  );
}

/** The bytes of the messages in a field, without reading them. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type, field);
  }
  return found;
}

const LENIENT = { ignoreUnknownFields: true };

async function groupsOfJson(signal: Signal, body: Uint8Array): Promise<Group[]> {
  const request = await parseJson(body);
  return whole(() => {
    if (!isObject(request)) throw new Error('the body is not an object');
    return listIn(request, signal.resources).map((group) => ({
      resource: resourceOfJson(group['resource']),
      records: listIn(group, signal.scopes)
        .flatMap((scope) => listIn(scope, signal.records))
        .map((record) => () => lenient(signal.record, withBase64Ids(record))),
    }));
  });
}

function resourceOfJson(resource: unknown): Attributes {
  if (!isObject(resource)) return {};
  return attributesOf(lenient(ResourceSchema, resource).attributes);
}

/** Deepest nesting of a record that is mended. */
const MAX_DEPTH = 100;

/**
 * A message out of JSON. A text that was cut in the middle of a character has half a surrogate, which Protobuf refuses and
 * programs send: it becomes U+FFFD.
 */
function lenient<Desc extends DescMessage>(schema: Desc, value: Readonly<Record<string, unknown>>): MessageShape<Desc> {
  try {
    return fromJson(schema, value as JsonValue, LENIENT);
  } catch {
    return fromJson(schema, cleanObject(value, MAX_DEPTH) as JsonValue, LENIENT);
  }
}

function listIn(parent: Readonly<Record<string, unknown>>, name: string): Record<string, unknown>[] {
  const list = parent[name] ?? [];
  if (!Array.isArray(list) || !list.every(isObject)) throw new Error(`${name} is not a list of objects`);
  return list as Record<string, unknown>[];
}

const IDS = ['traceId', 'spanId', 'parentSpanId'] as const;

/**
 * OTLP writes ids as hex, where the JSON of Protobuf has base64. The library takes hex for base64 without an error.
 * Links have ids too, and are not read.
 */
function withBase64Ids({ links: _, ...record }: Record<string, unknown>): Record<string, unknown> {
  const ids = IDS.filter((name) => typeof record[name] === 'string').map((name) => [
    name,
    base64Of(String(record[name])),
  ]);
  return { ...record, ...Object.fromEntries(ids) };
}

function base64Of(hex: string): string {
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new Error(`${hex.slice(0, 64)} is no id in hex`);
  return Buffer.from(hex, 'hex').toString('base64');
}

function whole<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new MalformedRequestError(cause instanceof Error ? cause.message : 'the body cannot be read', { cause });
  }
}
