import * as z from 'zod';

/** A value for a place, and its description. */
export interface Edge {
  readonly note: string;
  readonly value: unknown;
}

/** Data with an edge value at one place. */
export interface EdgeCase extends Edge {
  readonly place: readonly string[];
}

const edge = (note: string, value: unknown): Edge => ({ note, value });
const of = (values: readonly unknown[]): Edge[] =>
  values.map((value) => edge(JSON.stringify(value).slice(0, 40), value));
const long = (...lengths: readonly number[]): Edge[] =>
  lengths.map((length) => edge(`${length} x`, 'x'.repeat(length)));

const NUMBERS = [
  0,
  1,
  -1,
  0.1,
  1e-7,
  5e-324,
  1e15,
  1e15 - 0.125,
  1e15 + 1,
  Number.MAX_SAFE_INTEGER,
  1e300,
  -1e300,
  2_592_000,
  2_592_001,
];

const ODD_TEXTS = [
  '', ' ', '\u0000', 'a\u0000b', '\u2028\u2029', '\ud800', '\udc00x', '😀', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'other',
  'a/b~c', '~1', '"\\', '\u202e', 'e\u0301', '\ufeff', '\ufffe', '%00', '\r\n', '=names', "'; DROP TABLE views; --", '{{x}}', '$where',
]; // biome-ignore format: a table

/** Unusual texts, and texts at and over the maximum length, of characters with one or two code units. */
function texts(schema: z.ZodString): readonly Edge[] {
  const { maxLength: most = 50_000 } = z.toJSONSchema(schema);
  const pairs = '😀'.repeat(Math.floor(most / 2));
  return [
    ...of(ODD_TEXTS),
    ...long(most, most + 1),
    edge('pairs', pairs),
    edge('pairs, shifted', `x${pairs.slice(2)}y`),
  ];
}

const IDS: readonly Edge[] = [
  ...of([
    'a',
    '0',
    'constructor',
    'toString',
    'hasOwnProperty',
    '__proto__',
    'a:b',
    'a~',
    'A',
    'a.b',
    '..',
    '-a',
    'é',
    'a b',
    '',
    'a/b',
    '2026-01-01',
  ]),
  ...long(64, 100, 110, 111, 112, 113, 120, 127, 128, 129),
];

const INSTANTS: readonly Edge[] = of([
  ...[
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00.000+00:01',
    '0000-12-31T23:59:59Z',
    '9999-12-31T23:59:59.999Z',
    '9999-12-31T23:59:59.9999999Z',
  ],
  ...[
    '9999-12-31T23:59:59-05:00',
    '2026-02-29T00:00:00Z',
    '2024-02-29T00:00:00Z',
    '1969-12-31T23:59:59.999Z',
    '2026-01-01T00:00:00',
  ],
  ...[
    '2026-01-01T24:00:00Z',
    '2026-06-30T23:59:60Z',
    '2026-01-01T00:00:00.123456789+14:00',
    '2026-01-01',
    'now',
    '',
    '+010000-01-01T00:00:00Z',
  ],
]);

const nested = (depth: number, array: boolean): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = array ? [value] : { a: value };
  return value;
};

const OBJECTS: readonly Edge[] = [
  ...[1, 26, 27, 28, 29, 30, 31, 32, 100].map((depth) => edge(`objects ${depth} deep`, nested(depth, false))),
  ...[27, 28, 29, 30, 31, 32].map((depth) => edge(`arrays ${depth} deep`, { a: nested(depth - 1, true) })),
  edge('__proto__', JSON.parse('{"__proto__":{"x":1}}')),
  edge('members of Object', {
    constructor: 1,
    toString: 2,
    hasOwnProperty: { valueOf: 3 },
    toJSON: 'x',
    length: 0,
  }),
  edge(
    'odd names',
    Object.fromEntries(
      ODD_TEXTS.filter((text) => text.isWellFormed() && text !== '__proto__').map((text) => [text, 1]),
    ),
  ),
  edge('name with a lone surrogate', { '\ud800': 1 }),
  ...NUMBERS.map((n) => edge(`number ${n}`, { n })),
  edge('400 KB', { text: 'x'.repeat(400_000) }),
  edge('nothing', {}),
  edge('33 members', Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`m${n}`, n]))),
  edge('5,000 members', Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`member-${n}`, n]))),
  edge('10,000 items', { items: Array.from({ length: 10_000 }, (_, n) => n) }),
  edge('a plan', { plan: [{ name: 'only', agentType: '😀'.repeat(64), deadlineSeconds: 2_592_000, retries: 10 }] }),
  edge('usage', {
    inputTokens: 1e15,
    outputTokens: 1e15,
    cacheReadTokens: 1e15,
    cacheWriteTokens: 1e15,
    costUsd: 1e15,
    tokens: 1e15,
  }),
];

const wrong: readonly Edge[] = [...of([null, true, 1, 'text', []]), edge('absent', undefined)];

/** Values at the limits of a schema and just beyond them. */
function edgesOf(schema: z.ZodType): readonly Edge[] {
  if (schema instanceof z.ZodOptional) return edgesOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap((option) => [...edgesOf(option)]);
  if (schema instanceof z.ZodNumber) return of(NUMBERS);
  if (schema instanceof z.ZodISODateTime) return INSTANTS;
  if (schema instanceof z.ZodString) return z.toJSONSchema(schema).pattern === undefined ? texts(schema) : IDS;
  if (schema instanceof z.ZodArray) {
    const sizes = [0, 1, 100, 101].map((n) =>
      edge(
        `${n} items`,
        Array.from({ length: n }, (_, index) => `i${index}`),
      ),
    );
    return [
      ...sizes,
      edge('twice the same', ['a', 'a']),
      ...edgesOf(schema.element as z.ZodType).map(({ note, value }) => edge(note, [value])),
    ];
  }
  if (schema instanceof z.ZodRecord || schema instanceof z.ZodObject) return OBJECTS;
  if (schema instanceof z.ZodLazy) return [...OBJECTS, ...texts(z.string()), ...of([0.1, 1e15, null, true, []])]; // any JSON
  return wrong;
}

/** For each member of an object, each edge of it: `of` is the member's schema. */
export const edgeCases = (schema: z.ZodObject): readonly EdgeCase[] =>
  Object.entries(schema.shape).flatMap(([name, member]) =>
    [...edgesOf(member as z.ZodType), ...wrong].map(({ note, value }) => ({ place: [name], note, value })),
  );
