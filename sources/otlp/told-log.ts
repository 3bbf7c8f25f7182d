import { type Attributes, attributesOf, isObject, plainValue, textIn } from './attributes.ts';
import type { LogRecord } from './messages/opentelemetry/proto/logs/v1/logs_pb.js';
import { millisecondsOf } from './told-span.ts';

/** A log record as plain values. */
export interface ToldLog {
  /** The name of its event, such as `claude_code.api_request`. */
  readonly event: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly attributes: Attributes;
  readonly resource: Attributes;
}

/** A name of an event. Loggers of Rust write a place in their source, such as `event src/a.rs:7`, into `eventName`. */
const NAME = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/i;

/** Reads a log record. The name of the event stands in `eventName`, in the body, or in an attribute. */
export function toldLog(log: LogRecord, resource: Attributes): ToldLog {
  const body = plainValue(log.body);
  const own = attributesOf(log.attributes);
  const attributes = isObject(body) ? { ...body, ...own } : own;
  const named = textIn(own, 'event.name');
  const inBody = typeof body === 'string' && body.includes('.') ? body : undefined;
  const nanos = log.timeUnixNano || log.observedTimeUnixNano;
  const told = Date.parse(textIn(own, 'event.timestamp') ?? '');
  return {
    event: [log.eventName, inBody, named].find((name) => NAME.test(name ?? '')) ?? '',
    at: nanos > 0n ? millisecondsOf(nanos) : Number.isNaN(told) ? Date.now() : told,
    attributes,
    resource,
  };
}
