import * as z from 'zod';

/** Deepest nesting of objects and arrays that Annals stores or accepts. */
export const MAX_JSON_DEPTH = 32;

export type Json = z.core.util.JSONType;

/**
 * Any JSON value. One schema for all places, so that documents name it once. The check is a plain walk that copies
 * nothing: `z.json()` needs ten times as long or more, and a large request would keep the others waiting.
 */
export const json = z.custom<Json>(isJson, 'must be JSON, without an undefined member');

/** Any JSON object. Its keys are the caller's; its values any JSON value. */
export const jsonObject = z.record(z.string(), json);
export type JsonObject = z.output<typeof jsonObject>;

/** A place in a JSON value and what is wrong there; `path` is as zod gives it. */
export interface JsonFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** An array or object on the way to the value that the walk is at. */
interface Open {
  readonly container: object;
  readonly names: readonly string[];
  readonly length: number;
  next: number;
}

/**
 * The first thing in `value` that cannot be stored and read back unchanged: nesting over `maxDepth`, a lone surrogate
 * (not encodable as UTF-8), a `__proto__` member (dropped by most parsers and validators), or what JSON has no form for.
 * It lets `undefined` members pass: {@link json} refuses them, and other schemas may leave a member out. Iterative, so
 * that depth cannot exhaust the stack. `undefined` when all is well.
 */
export function findJsonFault(value: unknown, maxDepth = MAX_JSON_DEPTH): JsonFault | undefined {
  const open: Open[] = [];
  let current = value;
  for (;;) {
    const message = faultOf(current, open.length, maxDepth);
    if (message !== undefined) return { path: open.map(placeIn), message };
    if (typeof current === 'object' && current !== null) open.push(opened(current));
    let inner = open.at(-1);
    while (inner && inner.next === inner.length) {
      open.pop();
      inner = open.at(-1);
    }
    if (!inner) return undefined;
    const name = inner.names[inner.next++];
    if (name === '__proto__') return { path: open.map(placeIn), message: 'is a member name that is not accepted' };
    if (name !== undefined && !name.isWellFormed()) {
      return { path: open.slice(0, -1).map(placeIn), message: 'has a member name with a lone surrogate' };
    }
    current = childOf(inner, name);
  }
}

function opened(container: object): Open {
  const names = Array.isArray(container) ? [] : Object.keys(container);
  return { container, names, length: Array.isArray(container) ? container.length : names.length, next: 0 };
}

const placeIn = ({ names, next }: Open) => names[next - 1] ?? next - 1;

/** An undefined member counts as null: see {@link findJsonFault}. */
const childOf = ({ container, next }: Open, name: string | undefined): unknown =>
  name === undefined
    ? (container as readonly unknown[])[next - 1]
    : ((container as Readonly<Record<string, unknown>>)[name] ?? null);

function faultOf(value: unknown, depth: number, maxDepth: number): string | undefined {
  if (typeof value === 'string') {
    return value.isWellFormed() ? undefined : 'has a lone surrogate, which UTF-8 cannot carry';
  }
  if (!hasForm(value)) return `is ${nameOf(value)}, which JSON cannot carry`;
  const isTooDeep = typeof value === 'object' && value !== null && depth >= maxDepth;
  return isTooDeep ? `is nested deeper than ${maxDepth} levels` : undefined;
}

/** Whether every part of a value is JSON. The depth of a value is bounded where it comes in: {@link findJsonFault}. */
function isJson(value: unknown): boolean {
  if (!hasForm(value)) return false;
  if (typeof value !== 'object' || value === null) return true;
  // The index, because `every` skips the holes of an array.
  if (Array.isArray(value)) return value.findIndex((item) => !isJson(item)) === -1;
  for (const name in value) if (!isJson((value as Readonly<Record<string, unknown>>)[name])) return false;
  return true;
}

/** Whether JSON has a form for the value, apart from its parts. */
function hasForm(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  return value === null || Array.isArray(value) || isPlain(value);
}

/** No instance of a class. An object of another realm has the prototype of that realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `an instance of ${value.constructor.name}`;
  return value === undefined || typeof value === 'number' ? String(value) : `of type ${typeof value}`;
}
