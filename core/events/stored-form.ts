import * as z from 'zod';
import { jsonObject } from './json.ts';

/** An instant as it is read back. Older versions let in what lies outside of the years; readers get that, too. */
export const storedInstant = z.string().meta({ format: 'date-time' });

const forms = { number: z.number(), instant: storedInstant, object: jsonObject } as const;

/** Schemas of new data whose stored form is wider, since older versions let in more. */
export const storedForms = z.registry<{ readonly form: keyof typeof forms }>();

/**
 * The schema by which stored data is read, from the one by which new data is checked: the same, but that whatever older
 * versions let in is let through where {@link storedForms} says so. A reader never stops at an event that was accepted.
 */
export function storedForm(schema: z.ZodType): z.ZodType {
  const own = storedForms.get(schema);
  if (own) return described(forms[own.form], schema);
  if (schema instanceof z.ZodOptional)
    return changed(schema, schema.unwrap() as z.ZodType, (inner) => inner.optional());
  if (schema instanceof z.ZodArray) return changed(schema, schema.element as z.ZodType, (element) => z.array(element));
  if (schema instanceof z.ZodRecord) {
    return changed(schema, schema.valueType as z.ZodType, (value) => z.record(z.string(), value));
  }
  if (schema instanceof z.ZodObject) return storedObject(schema);
  return schema;
}

function storedObject(schema: z.ZodObject): z.ZodType {
  const members = Object.entries(schema.shape as Record<string, z.ZodType>);
  const stored = members.map(([name, member]) => [name, storedForm(member)] as const);
  const others = schema.def.catchall as z.ZodType | undefined;
  const storedOthers = others && storedForm(others);
  if (storedOthers === others && stored.every(([name, member]) => schema.shape[name] === member)) return schema;
  const object = z.object(Object.fromEntries(stored));
  return described(storedOthers ? object.catchall(storedOthers) : object, schema);
}

function changed(schema: z.ZodType, inner: z.ZodType, wrap: (inner: z.ZodType) => z.ZodType): z.ZodType {
  const stored = storedForm(inner);
  return stored === inner ? schema : described(wrap(stored), schema);
}

/** With what the original says of itself. */
function described(schema: z.ZodType, { description }: z.ZodType): z.ZodType {
  return description === undefined ? schema : schema.describe(description);
}
