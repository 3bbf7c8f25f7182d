import type { AnyValue, KeyValue } from './messages/opentelemetry/proto/common/v1/common_pb.js';

/** Attributes of a span, a log record or a resource, by name, as plain values. */
export type Attributes = Readonly<Record<string, unknown>>;

/** The attributes as plain values: a whole number is a number while that is exact, else its decimals as text. */
export const attributesOf = (attributes: readonly KeyValue[]): Attributes =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));

/** A value of OTLP as a plain value. */
export function plainValue(any: AnyValue | undefined): unknown {
  const { case: kind, value } = any?.value ?? { case: undefined };
  switch (kind) {
    case 'intValue':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'arrayValue':
      return value.values.map(plainValue);
    case 'kvlistValue':
      return attributesOf(value.values);
    case 'bytesValue':
      return Buffer.from(value).toString('base64');
    default:
      return value;
  }
}

/** Whether a value is an object with members. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first attribute of these names that is a text and not empty. Numbers and booleans become text. */
export function textIn(attributes: Attributes, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (typeof value === 'string' ? value !== '' : typeof value === 'number' || typeof value === 'boolean') {
      return String(value);
    }
  }
  return undefined;
}

/** The value of a member that may be JSON in a text. A text that is no JSON stays a text. */
export function parsedValue(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
