import { isExactNumber } from '../../core/events/exact-number.ts';
import type { Json, JsonObject } from '../../core/events/json.ts';
import type { SourceFile } from '../source-event.ts';
import { readXml } from './xml.ts';

/** A trace, or an event outside of a trace. */
export interface XesElement {
  readonly tag: 'trace' | 'event';
  readonly place: string;
  readonly attributes: JsonObject;
  /** The events of a trace. */
  readonly children: readonly XesElement[];
}

/** An element that is being read. */
interface Open {
  readonly tag: string;
  readonly place: string;
  readonly key?: string | undefined;
  readonly value?: Json | undefined;
  readonly attributes: Record<string, Json>;
  readonly items: Json[];
  readonly children: XesElement[];
}

const LEAVES: ReadonlySet<string> = new Set(['string', 'date', 'int', 'float', 'boolean', 'id']);
const GROUPS: ReadonlySet<string> = new Set(['list', 'container', 'values']);

/**
 * The traces of an XES file, one at a time. An attribute with attributes of its own becomes `{ value, ...attributes }`.
 * @throws SourceFault when it is no XML, or no UTF-8
 */
export const xesElements = (file: SourceFile): AsyncGenerator<XesElement> =>
  readXml<XesElement>(file, (found) => {
    const open: Open[] = [];
    return {
      open(tag, { key, value }, place) {
        open.push({ tag, place, key, value: valueFor(tag, value), attributes: {}, items: [], children: [] });
      },
      close() {
        const closed = open.pop();
        if (closed) close(closed, open, found);
      },
    };
  });

function close(closed: Open, open: readonly Open[], found: XesElement[]): void {
  const { tag, place, attributes, children, key } = closed;
  const parent = open.at(-1);
  if (tag === 'trace' || tag === 'event') {
    const element: XesElement = { tag, place, attributes, children };
    if (tag === 'event' && parent?.tag === 'trace') parent.children.push(element);
    else found.push(element);
  } else if (LEAVES.has(tag) || GROUPS.has(tag)) putInto(parent, key, valueWith(closed));
}

/** Puts a value into the element around it: by its key, or as an item of a list. */
function putInto(parent: Open | undefined, key: string | undefined, value: Json): void {
  if (!parent) return;
  if (parent.tag === 'list' || parent.tag === 'values' || key === undefined) {
    parent.items.push(key === undefined ? value : { [key]: value });
  } else parent.attributes[key] = value;
}

function valueWith({ tag, value, attributes, items }: Open): Json {
  if (GROUPS.has(tag)) return Object.keys(attributes).length > 0 ? { ...attributes, items } : items.flat();
  return Object.keys(attributes).length > 0 ? { value: value ?? null, ...attributes } : (value ?? '');
}

/** A number that cannot be kept exactly stays text. */
function valueFor(tag: string, value: string | undefined): Json | undefined {
  if (tag === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if ((tag === 'int' || tag === 'float') && value !== undefined && isNumber(value)) return Number(value);
  return value;
}

const isNumber = (text: string): boolean => /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) && isExactNumber(text);
