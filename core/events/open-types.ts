import * as z from 'zod';
import { $constructor } from 'zod/v4/core';
import type { Issue } from '../base/errors.ts';
import { envelopeInput, recordedEnvelope } from './envelope.ts';
import { type JsonObject, jsonObject } from './json.ts';

/**
 * Event types that no module declares. They live in streams whose aggregate type no module declares either, and their
 * data is a JSON object. `refuse`: only types that are registered, with the schema of their data. `accept`: every type.
 */
export type UnknownEvents = 'accept' | 'refuse';

const NAME = /^[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9-]{0,62}$/;

/** The name of an event type, declared or not. */
export const typeName = z
  .string()
  .regex(
    NAME,
    'must be <subject>.<what-happened>, such as order.placed: each part up to 63 lower-case letters, digits and -, a letter first',
  );

/** A new event of a type that no module declares. */
export const openInput = z.strictObject({ type: typeName, data: jsonObject, ...envelopeInput }).meta({
  id: 'NewOpenEvent',
  description: 'An event of a type that no module declares: registered by `PUT /event-types/{type}`, or unknown',
});

/** A stored event of a type that no module declares. Its name may come from a module that is no longer used. */
export const openRecorded = z
  .object({ type: z.string(), data: jsonObject, ...recordedEnvelope })
  .meta({ id: 'OpenEvent', description: 'A stored event of a type that no module declares' });

/** The subject of a type: `order` of `order.placed`. */
export const subjectOf = (type: string): string => type.slice(0, Math.max(type.indexOf('.'), 0));

/** The check of data by a compiled JSON Schema: its faults, none when the data matches. */
export type DataCheck = (data: unknown) => readonly Issue[];

/** The compiler of a registered schema. */
export type CompileSchema = (schema: JsonObject) => Promise<DataCheck>;

interface ByTypeDef extends z.core.$ZodUnionDef<readonly [z.ZodType, z.ZodType]> {
  /** Whether an event of a type belongs to the first option. */
  readonly isFirst: (type: unknown) => boolean;
  /** Why no event can have a type; undefined when an event can. */
  readonly faultOf: (type: unknown) => string | undefined;
}

/**
 * A union of two schemas for events. The type of the event decides which of them counts, so that all faults are of that
 * schema.
 */
const ByType = $constructor<z.ZodUnion<readonly [z.ZodType, z.ZodType]>, ByTypeDef>('ByType', (schema, def) => {
  const Union: typeof z.ZodUnion = z.ZodUnion;
  Union.init(schema, def);
  schema._zod.parse = (payload, context) => {
    const type = (payload.value as { readonly type?: unknown } | null | undefined)?.type;
    const fault = def.faultOf(type);
    if (fault !== undefined) {
      payload.issues.push({ code: 'custom', path: ['type'], message: fault, input: type });
      return payload;
    }
    const [first, second] = def.options;
    return (def.isFirst(type) ? first : second)._zod.run(payload, context);
  };
});

/** Either of two schemas for events, `declared` or `open`, by the type of the event. */
export const declaredOrOpen = (
  [declared, open]: readonly [declared: z.ZodType, open: z.ZodType],
  isDeclared: ByTypeDef['isFirst'],
  faultOf: ByTypeDef['faultOf'] = () => undefined,
): z.ZodUnion<readonly [z.ZodType, z.ZodType]> =>
  new ByType({ type: 'union', options: [declared, open], isFirst: isDeclared, faultOf });
