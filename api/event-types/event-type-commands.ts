import * as z from 'zod';
import { eventTypeRegistered } from '../../core/events/event-type.ts';
import { appendOptions, type CommandDeps } from '../http/command.ts';
import { route } from '../http/route.ts';
import { eventTypeAnswer, registeredAnswer, typeParams } from './event-type-answers.ts';

const { aggregateType, schema, compatibility, description } = eventTypeRegistered.data.shape;

/** The route that registers event types. */
export const eventTypeCommands = [
  route({
    name: 'registerEventType',
    method: 'PUT',
    path: '/event-types/{type}',
    summary: 'Register an event type by a JSON Schema of its data, or a new version of it',
    description:
      'From the answer on, every host accepts events of the type in streams of its aggregate type, and refuses others within 5 seconds. A type that a module declares cannot be registered. docs/event-types.md has the limits of a schema and the rules of compatibility.',
    params: typeParams,
    body: z.strictObject({
      aggregateType,
      schema,
      description,
      compatibility: compatibility
        .default('backward')
        .describe('`backward`: refuse a schema that takes less than the version before; `none`: take any'),
    }),
    answer: eventTypeAnswer,
    statuses: { 201: 'A new version', 200: 'The newest version has this schema; nothing was written' },
    errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { type }, body, context }, deps: CommandDeps) {
      const { registerType } = await import('../../core/schemas/register-type.ts'); // loads the compiler of schemas
      const { defaults, trace } = appendOptions(context, deps);
      const { data, isNew } = await registerType(deps.store, { type, ...body }, { defaults, trace });
      return { status: isNew ? 201 : 200, body: registeredAnswer(data) };
    },
  }),
];
