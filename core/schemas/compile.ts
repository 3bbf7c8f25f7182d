import { _, Ajv2020, type AnySchema, type ErrorObject, type KeywordCxt } from 'ajv/dist/2020.js';
import canonicalize from 'canonicalize';
import type { Issue } from '../base/errors.ts';
import type { JsonObject } from '../events/json.ts';
import type { DataCheck } from '../events/open-types.ts';
import { patternOf } from './patterns.ts';
import { pointerNames } from './rules.ts';
import { innerSchemas, isAnnotation, isObject } from './vocabulary.ts';

/**
 * Steps that the check of one event may take. A step is about 20 ns; so the event loop waits for 10 ms at most. Steps and
 * not time, so that the answer is the same on a busy machine.
 */
const MAX_STEPS = 500_000;
/** Characters that are counted in one step. */
const CHARACTERS = 16;
/** Instructions of a pattern that are tried in one step. */
const INSTRUCTIONS = 2;
/** Steps to make a text of an item. */
const TEXT = 20;

/** The check needs more steps than it may take. */
class TooCostly extends Error {}

/** Steps left for the running check. A check never waits, so that no two run at once. */
let steps = 0;

function spend(count: number): true {
  steps -= count;
  if (steps < 0) throw new TooCostly();
  return true;
}

/** The keyword that counts the steps of the schema that it is in; see {@link counted}. */
const COST = 'x-cost';

/** The cost of a schema for each value: its own part, and that of each member of an object. */
interface Cost {
  readonly own: number;
  readonly member: number;
}

function spendOn(own: number, member: number, data: unknown): void {
  if (typeof data === 'string') spend(own + data.length / CHARACTERS);
  else spend(own + (member > 0 && isObject(data) ? member * Object.keys(data).length : 0));
}

/** A call of {@link spendOn} in the compiled code. A keyword with a function of its own would take twice as long to compile. */
function spendFirst({ gen, schema, data }: KeywordCxt): void {
  const { own, member } = schema as Cost;
  gen.code(_`${gen.scopeValue('func', { ref: spendOn })}(${own}, ${member}, ${data})`);
}

/** Keywords that go through the members of an object. */
const MEMBERS = [
  ...['additionalProperties', 'unevaluatedProperties', 'patternProperties', 'propertyNames'],
  ...['minProperties', 'maxProperties'],
];

/** The schema with the keyword {@link COST} in each schema inside, and without annotations. */
function counted(schema: JsonObject): JsonObject {
  const kept = Object.fromEntries(Object.entries(schema).filter(([keyword]) => !isAnnotation(keyword)));
  const copy = structuredClone(kept);
  const pending: JsonObject[] = [copy];
  for (const one of pending) {
    for (const { schema: inner } of innerSchemas(one)) if (isObject(inner)) pending.push(inner);
    const values = ['enum', 'const', 'required', 'dependentRequired'].map((keyword) => valuesIn(one[keyword]));
    const own = Object.keys(one).length + values.reduce((sum, count) => sum + count, '$ref' in one ? CALL : 0);
    const patterns = isObject(one['patternProperties']) ? Object.keys(one['patternProperties']).length : 0;
    const cost: JsonObject = { own, member: MEMBERS.some((keyword) => keyword in one) ? 1 + patterns : 0 };
    one[COST] = cost;
  }
  return copy;
}

/** Number of values in a value. */
function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return value === undefined ? 0 : 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + valuesIn(inner), 1);
}

/** The steps of a `$ref`, which calls a function. */
const CALL = 2;

/** Matches patterns in linear time, and counts its steps. */
const engine = Object.assign(
  (source: string) => {
    const { size, test } = patternOf(source);
    return { test: (text: string) => spend((text.length * size) / INSTRUCTIONS) && test(text) };
  },
  { code: 're2' },
);

/**
 * Compiles a schema that {@link assertSchema} has let through. Ajv makes a function of it (`new Function`), and takes
 * about 10 ms for the largest schema; so keep the result. Its own `Ajv` goes with it, so that nothing else keeps it.
 */
export function compileSchema(schema: JsonObject): DataCheck {
  const ajv = new Ajv2020({
    ...{ strict: false, ownProperties: true, inlineRefs: false, validateFormats: false, logger: false },
    ...{ meta: false, validateSchema: false, multipleOfPrecision: 10 },
    code: { regExp: engine, optimize: false },
  });
  ajv.addKeyword({ keyword: COST, code: spendFirst });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: areUnique, errors: false });
  const validate = ajv.compile({ ...counted(schema), $id: 'schema' } as AnySchema);
  return (data) => {
    steps = MAX_STEPS;
    try {
      return validate(data) ? [] : (validate.errors ?? []).map(toIssue);
    } catch (error) {
      if (!(error instanceof TooCostly || error instanceof RangeError)) throw error; // RangeError: the stack is full
      return [{ path: '', message: 'is too large to be checked by the schema of its type' }];
    }
  };
}

/** Compares the texts of the items: Ajv compares each item with each other. */
function areUnique(unique: boolean, items: readonly unknown[]): boolean {
  if (!unique) return true;
  const texts = new Set<string>();
  for (const item of items) {
    const text = canonicalize(item) ?? '';
    spend(TEXT + text.length / CHARACTERS);
    texts.add(text);
  }
  return texts.size === items.length;
}

const toIssue = ({ instancePath, keyword, message, params }: ErrorObject): Issue => ({
  path: pointerNames(instancePath).join('.'),
  message: keyword === 'uniqueItems' ? 'must not have an item twice' : `${message ?? 'is wrong'}${detail(params)}`,
});

/** The member that is too much, or the values that are allowed. */
function detail(params: Readonly<Record<string, unknown>>): string {
  const { additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params;
  const extra = additionalProperty ?? unevaluatedProperty;
  if (extra !== undefined) return `: ${extra}`;
  const allowed = allowedValues ?? (allowedValue === undefined ? undefined : [allowedValue]);
  return allowed === undefined ? '' : `: ${JSON.stringify(allowed)}`;
}
