import canonicalize from 'canonicalize';
import type { Issue } from '../base/errors.ts';
import type { Json, JsonObject } from '../events/json.ts';
import { isObject, referenced, type Schema } from './vocabulary.ts';

/** Most pairs of schemas that are compared. Alternatives are compared each with each. */
const MAX_PAIRS = 1_000;

/** Lower bounds may fall, upper bounds may rise. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties', 'maxContains'];
/** Keywords with a schema for all values that no other keyword names. */
const REST = ['additionalProperties', 'unevaluatedProperties', 'items', 'unevaluatedItems', 'propertyNames'];
/** Keywords that may go away, but not come or change: what a change does cannot be seen from the two schemas. */
const FIXED = [
  ...['pattern', 'multipleOf', 'uniqueItems', 'contains', 'not', 'dependentRequired', 'dependentSchemas', 'if', 'then'],
  ...['else'],
];
/** Keywords that may not even go away. */
const FROZEN = ['minContains', 'prefixItems'];
/** Keywords that combine schemas. */
const COMBINED = ['allOf', 'anyOf', 'oneOf'];

type Path = readonly (string | number)[];

/**
 * The places where a schema takes less than its predecessor did, as far as the two texts show it; docs/event-types.md has
 * the rules. A keyword whose change cannot be judged counts as less. Empty when there are none.
 * @param prefix the name of the newer schema in the paths
 */
export function narrowings(older: JsonObject, newer: JsonObject, prefix: string): readonly Issue[] {
  return new Comparison(older, newer).issues({ type: 'object', ...older }, newer, [prefix]); // data is always an object
}

class Comparison {
  readonly #older: JsonObject;
  readonly #newer: JsonObject;
  /** Whether references of the same text mean the same. */
  readonly #sameDefinitions: boolean;
  /** The pairs on the way: a reference that comes back to a pair adds nothing. */
  readonly #open = new Map<unknown, Set<unknown>>();
  #pairs = 0;

  constructor(older: JsonObject, newer: JsonObject) {
    this.#older = older;
    this.#newer = newer;
    const isSame = (group: string) => textOf(older[group]) === textOf(newer[group]);
    this.#sameDefinitions = isSame('$defs') && isSame('definitions') && !refersToAll(older) && !refersToAll(newer);
  }

  issues(older: Schema, newer: Schema, path: Path): Issue[] {
    if (newer === true || older === false) return [];
    if (newer === false) return [issue(path, 'takes nothing any more')];
    if (++this.#pairs > MAX_PAIRS) return [issue(path, 'is too complex to be compared')];
    const before = older === true ? {} : older;
    const seen = this.#open.get(before) ?? new Set();
    if (seen.has(newer)) return [];
    this.#open.set(before, seen.add(newer));
    try {
      return this.#compare(before, newer, path);
    } finally {
      seen.delete(newer);
    }
  }

  #compare(before: JsonObject, newer: JsonObject, path: Path): Issue[] {
    const older = this.#resolved(before);
    if (older === false) return [];
    const split = ['anyOf', 'oneOf'].find((keyword) => keyword in older && !('anyOf' in newer || 'oneOf' in newer));
    if (split !== undefined) return this.#alternatives(older, split, newer, path);
    return [
      ...('$ref' in newer ? this.issues(older, asSchema(referenced(newer['$ref'], this.#newer)), path) : []),
      ...[...typeIssues(older, newer, path), ...valueIssues(older, newer, path)],
      ...[...requiredIssues(older, newer, path), ...boundIssues(older, newer, path)],
      ...[...this.#properties(older, newer, path), ...this.#rest(older, newer, path)],
      ...[...this.#combined(older, newer, path), ...this.#unjudged(before, newer, path)],
    ];
  }

  /** A schema without alternatives takes all that each alternative of before took. */
  #alternatives(older: JsonObject, split: string, newer: JsonObject, path: Path): Issue[] {
    const { [split]: alternatives, ...common } = older;
    return listOf(alternatives).flatMap((alternative) =>
      alternative === false
        ? []
        : this.#compare({ ...common, ...(alternative === true ? {} : alternative) }, newer, path),
    );
  }

  /** An older schema with what it refers to. A keyword that both have counts once, which takes more than both do. */
  #resolved({ $ref, ...own }: JsonObject): JsonObject | false {
    if ($ref === undefined) return own;
    const target = asSchema(referenced($ref, this.#older));
    if (target === false) return false;
    const whole = target === true ? {} : this.#resolved(target);
    return whole && { ...whole, ...own };
  }

  #properties(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
    return ['properties', 'patternProperties'].flatMap((keyword) => {
      const before = membersOf(older[keyword]);
      const after = membersOf(newer[keyword]);
      const names = new Set([...before.keys(), ...after.keys()]);
      return [...names].flatMap((name) => {
        const was = before.get(name) ?? (keyword === 'properties' ? optionalOf(older) : true);
        const is = after.get(name) ?? asSchema(newer['additionalProperties'] ?? newer['unevaluatedProperties']);
        return this.issues(was, is, [...path, keyword, name]);
      });
    });
  }

  #rest(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
    return REST.flatMap((keyword) =>
      keyword in newer ? this.issues(asSchema(older[keyword]), asSchema(newer[keyword]), [...path, keyword]) : [],
    );
  }

  #combined(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
    const takes = (before: Schema, after: Schema) => this.issues(before, after, path).length === 0;
    const all = listOf(newer['allOf']).flatMap((after, index) => {
      const isKept = [older, ...listOf(older['allOf'])].some((before) => takes(withoutCombined(before), after));
      return isKept ? [] : [issue([...path, 'allOf', index], 'takes less than before')];
    });
    const either = ['anyOf', 'oneOf'].flatMap((keyword) => {
      if (!(keyword in newer)) return [];
      const before = keyword in older ? listOf(older[keyword]) : [withoutCombined(older)];
      const lost = before.findIndex((was) => !listOf(newer[keyword]).some((is) => takes(was, is)));
      return lost < 0
        ? []
        : [issue([...path, keyword], `has no alternative that takes all of alternative ${lost} of before`)];
    });
    return [...all, ...either];
  }

  #unjudged(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
    const isClosed = ['unevaluatedProperties', 'unevaluatedItems'].some((keyword) => (newer[keyword] ?? true) !== true);
    const fixed = FIXED.filter((keyword) => keyword in newer);
    const frozen = isClosed ? [...FROZEN, ...COMBINED, '$ref', 'if'] : FROZEN;
    const changed = [...fixed, ...frozen].filter((keyword) => !this.#isSame(older[keyword], newer[keyword]));
    return changed.map((keyword) => issue([...path, keyword], 'is new or changed, which cannot be judged'));
  }

  #isSame(older: unknown, newer: unknown): boolean {
    const text = textOf(newer);
    return text === textOf(older) && (this.#sameDefinitions || !text.includes('"$ref"'));
  }
}

const textOf = (value: unknown): string => canonicalize(value ?? null) ?? '';
const refersToAll = (schema: JsonObject): boolean => textOf(schema).includes('"$ref":"#"');
const issue = (path: Path, message: string): Issue => ({ path: path.join('.'), message });

/** A missing schema takes any value. */
const asSchema = (value: unknown): Schema => (typeof value === 'boolean' || isObject(value) ? value : true);
const listOf = (value: unknown): Schema[] => (Array.isArray(value) ? value.map(asSchema) : []);
const membersOf = (value: unknown): ReadonlyMap<string, Schema> =>
  new Map(Object.entries(isObject(value) ? value : {}).map(([name, schema]) => [name, asSchema(schema)]));

/** What an object may have had under a name that its schema did not mention: a new property counts as never used. */
const optionalOf = ({ additionalProperties }: JsonObject): Schema =>
  isObject(additionalProperties) ? additionalProperties : false;

function withoutCombined(schema: Schema): Schema {
  if (!isObject(schema)) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !COMBINED.includes(keyword)));
}

function typeIssues(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
  if (!('type' in newer)) return [];
  const after = [newer['type']].flat();
  const before = 'type' in older ? [older['type']].flat() : typesOf(valuesOf(older));
  const lost = before?.filter((type) => !after.includes(type) && !(type === 'integer' && after.includes('number')));
  if (lost === undefined) return [issue([...path, 'type'], 'is new')];
  return lost.length === 0 ? [] : [issue([...path, 'type'], `takes no ${lost.join(' or ')} any more`)];
}

/** The types of the only values that a schema takes. */
function typesOf(values: readonly Json[] | undefined): string[] | undefined {
  return values?.map((value) => {
    if (value === null) return 'null';
    if (Array.isArray(value)) return 'array';
    return Number.isInteger(value) ? 'integer' : typeof value;
  });
}

/** The only values that a schema takes; undefined when it does not list them. */
function valuesOf(schema: JsonObject): readonly Json[] | undefined {
  if ('const' in schema) return [schema['const'] ?? null];
  const values = schema['enum'];
  return Array.isArray(values) ? values : undefined;
}

function valueIssues(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
  const after = valuesOf(newer);
  if (!after) return [];
  const keyword = 'const' in newer ? 'const' : 'enum';
  const before = valuesOf(older);
  if (!before) return [issue([...path, keyword], 'is new')];
  const texts = new Set(after.map(textOf));
  const lost = before.filter((value) => !texts.has(textOf(value)));
  return lost.length === 0 ? [] : [issue([...path, keyword], `lacks ${lost.map(textOf).join(', ')}`)];
}

function requiredIssues(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
  const before = new Set([older['required']].flat());
  const added = [newer['required'] ?? []].flat().filter((name) => !before.has(name));
  return added.length === 0 ? [] : [issue([...path, 'required'], `asks for ${added.join(', ')}, which was optional`)];
}

function boundIssues(older: JsonObject, newer: JsonObject, path: Path): Issue[] {
  const tighter = (keyword: string, isLower: boolean): boolean => {
    const after = newer[keyword];
    if (typeof after !== 'number') return false;
    const isCount = isLower && !keyword.endsWith('imum');
    const before = older[keyword] ?? (isCount ? 0 : undefined);
    if (typeof before !== 'number') return true;
    return isLower ? after > before : after < before;
  };
  const bounds = [...LOWER.map((keyword) => [keyword, true]), ...UPPER.map((keyword) => [keyword, false])] as const;
  return bounds
    .filter(([keyword, isLower]) => tighter(keyword as string, isLower as boolean))
    .map(([keyword]) => issue([...path, keyword as string], 'is tighter than before'));
}

/** Whether two schemas are the same text, whatever the order of their members. */
export const isSameSchema = (one: JsonObject, other: JsonObject): boolean => textOf(one) === textOf(other);
