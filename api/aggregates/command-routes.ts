import * as z from 'zod';
import type { AnyAggregate, CommandDeclaration } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { instant } from '../../core/events/instant.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from '../http/command.ts';
import { camelCase, pascalCase } from '../http/names.ts';
import { newIdOf } from '../http/new-id.ts';
import type { ProblemCode } from '../http/problem.ts';
import { type Route, route } from '../http/route.ts';

/** When a command's events happened. A command with a member of this name keeps its meaning. */
export const happened = {
  timestamp: instant
    .optional()
    .describe('When it happened, at most a day from now; the time of the request when absent'),
};

const FAULTS: readonly ProblemCode[] = ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'];

/** The routes of the aggregates' commands. Internal commands have none. */
export const aggregateCommands = (aggregates: readonly AnyAggregate[]): readonly Route<CommandDeps>[] =>
  aggregates.flatMap((aggregate) =>
    Object.entries(aggregate.commands).flatMap(([kind, command]) =>
      command.internal ? [] : [commandRoute(aggregate, kind, command)],
    ),
  );

function commandRoute(aggregate: AnyAggregate, kind: string, command: CommandDeclaration): Route<CommandDeps> {
  const { aggregateType, plural } = aggregate;
  const idName = `${aggregateType}Id`;
  const { body, creates = false, path = kind, status = 201 } = command;
  const operation = command.operation ?? `${camelCase(kind)}${pascalCase(aggregateType)}`;
  const done = command.done ?? 'Done';
  const isTimed = !('timestamp' in body.shape);
  const time = isTimed ? happened : {};
  return route({
    name: operation,
    method: 'POST',
    path: creates ? `/${plural}` : `/${plural}/{${idName}}/${path}`,
    summary: command.summary ?? `${kind} of a stream of ${aggregateType}`,
    ...(command.description === undefined ? {} : { description: command.description }),
    params: creates ? undefined : z.object({ [idName]: id }),
    body: sentBody(body, creates ? { [idName]: id.optional().describe('Made when absent'), ...time } : time),
    answer: command.answer ?? z.strictObject({ [idName]: id, version: z.int().positive() }),
    statuses: (status === 201 ? { 201: done, 200: REPEAT } : { [status]: done }) as Record<200 | 201 | 202, string>,
    errors: [...(creates ? FAULTS : ['NOT_FOUND' as const, ...FAULTS]), ...(command.errors ?? [])],
    async handle({ params, body: sent, context }, deps: CommandDeps) {
      const { [idName]: given, timestamp, ...data } = { ...sent, ...params } as Record<string, unknown>;
      const aggregateId = (given as string | undefined) ?? newIdOf(aggregateType, context);
      const wanted = { ...data, ...(isTimed ? {} : { timestamp }), kind };
      const options = {
        ...appendOptions(context, deps),
        timestamp: isTimed ? happened.timestamp.parse(timestamp) : undefined,
      };
      const effect = await handleCommand(deps.store, aggregate, aggregateId, wanted, options);
      const { state, version, repeated } = effect;
      return {
        status: repeated && status === 201 ? 200 : status,
        body: command.reply?.({ id: aggregateId, state, version }) ?? { [idName]: aggregateId, version },
        headers: repeatHeader(repeated),
      };
    },
  });
}

/** Refinements of the body hold. Unknown members are errors, unless the body says what they are. */
function sentBody(body: z.ZodObject, more: z.core.$ZodLooseShape): z.ZodObject {
  const extended = body.safeExtend(more);
  return body.def.catchall ? extended : extended.strict();
}
