import * as z from 'zod';
import type { CreateDocumentOptions, createDocument } from 'zod-openapi';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { json } from '../../core/events/json.ts';
import { pascalCase } from './names.ts';
import type { RouteDeclaration } from './route.ts';

/** Generators of clients take a name for each type from here, so every event, body and answer has a name. */
export function namedSchemas(catalogue: Catalogue, routes: readonly RouteDeclaration[]): Record<string, z.ZodType> {
  const { newEvent } = catalogue;
  const recordedEvent = catalogue.recordedEvent();
  const schemas = new Map<z.ZodType, string>([
    [newEvent, 'NewEvent'],
    [recordedEvent, 'Event'],
    [json, 'Json'],
  ]);
  const name = (schema: z.ZodType | undefined, itsName: string) => {
    if (schema && schema.meta()?.id === undefined && !schemas.has(schema)) schemas.set(schema, itsName);
  };
  for (const variant of variantsOf(newEvent)) name(variant, `New${pascalCase(variant.shape.type.value)}Event`);
  for (const variant of variantsOf(recordedEvent)) name(variant, `${pascalCase(variant.shape.type.value)}Event`);
  for (const route of routes) {
    name(route.body, `${pascalCase(route.name)}Request`);
    name(route.answer, `${pascalCase(route.name)}Answer`);
  }
  return Object.fromEntries([...schemas].map(([schema, itsName]) => [itsName, schema]));
}

type EventVariant = z.ZodObject<{ type: z.ZodLiteral<string> }>;

function variantsOf(schema: z.ZodType): readonly EventVariant[] {
  if (schema instanceof z.ZodDiscriminatedUnion) return schema.options as readonly EventVariant[];
  return schema instanceof z.ZodUnion ? (schema.options as readonly z.ZodType[]).flatMap(variantsOf) : [];
}

/** The recursion of any JSON value tells a reader nothing, and generators of clients lose what contains it. */
export const anyJson: NonNullable<CreateDocumentOptions['override']> = ({ zodSchema, jsonSchema }) => {
  if (zodSchema !== json) return;
  for (const member of Object.keys(jsonSchema)) delete jsonSchema[member as keyof typeof jsonSchema];
  jsonSchema.description = 'Any JSON value';
};

export type Document = ReturnType<typeof createDocument>;

const REFERENCE = /"#\/components\/schemas\/(\w+)"/g;

/**
 * The library makes each named schema for requests and, with the suffix `Output`, for answers. What nobody refers to
 * goes, and a schema of answers alone takes the plain name.
 */
export function withoutUnused(document: Document): Document {
  const { schemas = {} } = document.components ?? {};
  const used = new Set<string>();
  const pending = [JSON.stringify(document.paths)];
  for (let text = pending.pop(); text !== undefined; text = pending.pop()) {
    for (const [, name = ''] of text.matchAll(REFERENCE)) {
      if (!used.has(name)) pending.push(JSON.stringify(schemas[name]));
      used.add(name);
    }
  }
  const plain = (name: string) => {
    const short = name.replace(/Output$/, '');
    return used.has(short) ? name : short;
  };
  const kept = Object.entries(schemas).filter(([name]) => used.has(name));
  const complete = {
    ...document,
    components: {
      ...document.components,
      schemas: Object.fromEntries(kept.map(([name, schema]) => [plain(name), schema])),
    },
  };
  const renamed = (_: string, name: string) => `"#/components/schemas/${plain(name)}"`;
  return JSON.parse(JSON.stringify(complete).replace(REFERENCE, renamed));
}
