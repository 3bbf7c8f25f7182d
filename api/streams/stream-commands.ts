import * as z from 'zod';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { id } from '../../core/events/envelope.ts';
import { MAX_EVENTS_PER_COMMIT } from '../../core/store/commit.ts';
import { appendOptions, type CommandDeps, REPEAT, rawAppends, repeatHeader } from '../http/command.ts';
import { type Route, route } from '../http/route.ts';

/** The stream of an aggregate: `<aggregateType>-<aggregateId>`. */
export const streamIdSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9]{0,31}-[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$/,
    'must be <aggregateType>-<aggregateId>: the type in lower-case letters and digits, the id 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : -',
  )
  .meta({ id: 'StreamId', description: '`<aggregateType>-<aggregateId>`', examples: ['agent-42'] });

/** The version that an append expects. */
export const expectedVersion = z
  .union([z.int().nonnegative(), z.enum(['any', 'exists'])], {
    error: 'must be a whole number from 0, "any" or "exists"',
  })
  .describe('The version that the stream must have: 0 = no stream, "any", or "exists" = any but 0');

/** The count comes before the checks: a body has room for many more events than an append. */
const appendBody = ({ newEvent }: Catalogue) =>
  z.strictObject({
    expectedVersion,
    events: z.preprocess((value, context) => {
      if (!Array.isArray(value) || value.length <= MAX_EVENTS_PER_COMMIT) return value;
      context.addIssue(`must hold 1 to ${MAX_EVENTS_PER_COMMIT} events, holds ${value.length}`);
      return z.NEVER;
    }, z.array(newEvent).min(1).max(MAX_EVENTS_PER_COMMIT)),
  });

/** The answer to an append. */
export const appendAnswer = z.strictObject({
  streamId: z.string(),
  fromVersion: z.int().positive(),
  toVersion: z.int().positive(),
  eventIds: z.array(id),
  recordedAt: z.iso.datetime(),
});

/** The route that appends events to a stream. */
export const streamCommands = (catalogue: Catalogue): readonly Route<CommandDeps>[] => [
  route({
    name: 'appendEvents',
    method: 'POST',
    path: '/streams/{streamId}/events',
    summary: 'Append events to a stream, all or none',
    params: z.object({ streamId: streamIdSchema }),
    body: appendBody(catalogue),
    answer: appendAnswer,
    statuses: { 201: 'Appended', 200: REPEAT },
    description:
      'The aggregate has to admit each event: an event that no command could write in the state of the stream is refused. Types that only Annals writes are always refused.',
    errors: ['RESERVED_TYPE', 'NOT_ADMITTED', 'EVENT_ID_TAKEN', 'CONCURRENCY_CONFLICT'],
    async handle({ params, body, context }, deps: CommandDeps) {
      const { repeated, eventIds, ...answer } = await rawAppends(deps)(params.streamId, body.events, {
        ...appendOptions(context, deps),
        expectedVersion: body.expectedVersion,
      });
      return {
        status: repeated ? 200 : 201,
        body: { ...answer, eventIds: [...eventIds] },
        headers: repeatHeader(repeated),
      };
    },
  }),
];
