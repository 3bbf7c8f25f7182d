import * as z from 'zod';
import type { RouteDeclaration } from './route.ts';

/** The first level of a body in JSON Schema, draft 4. API Gateway checks only that. */
export interface GatewaySchema {
  readonly type: 'object';
  readonly required?: readonly string[] | undefined;
  readonly properties: Readonly<Record<string, MemberSchema>>;
  readonly additionalProperties: boolean;
}

/** The checked facts of a member: its type and its length. */
const memberSchema = z.object({
  type: z.enum(['string', 'number', 'integer', 'boolean', 'array', 'object']).optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  maxLength: z.number().optional(),
});
type MemberSchema = z.output<typeof memberSchema>;

const bodySchema = z.object({
  type: z.literal('object'),
  required: z.array(z.string()).optional(),
  properties: z.record(z.string(), memberSchema),
  additionalProperties: z.literal(false).optional(),
});

/**
 * The shape of a route's body, from the schema of the route: the gateway refuses other bodies without a function's
 * time. It has only the first level, so that the API answers most faults and names their place.
 */
export function gatewaySchema({ body }: RouteDeclaration): GatewaySchema | undefined {
  if (!body) return undefined;
  const whole = z.toJSONSchema(body, { target: 'draft-4', io: 'input', unrepresentable: 'any' });
  const { additionalProperties = true, ...shape } = bodySchema.parse(whole);
  return { ...shape, additionalProperties };
}

/** Routes as the deployment takes them. */
export const gatewayRoutes = (routes: readonly RouteDeclaration[]) =>
  routes.map((route) => ({ ...route, schema: gatewaySchema(route) }));
