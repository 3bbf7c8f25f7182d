import * as z from 'zod';
import type { EventType } from '../../core/events/catalogue.ts';
import { id } from '../../core/events/envelope.ts';
import { type CommandResult, type Decider, handleCommand } from '../../core/state/decider.ts';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from './command.ts';
import { newIdOf } from './new-id.ts';
import type { ProblemCode } from './problem.ts';
import { type Route, route } from './route.ts';

/** A command's effect: the aggregate's id, and its state and version right after. */
type Effect<State> = Pick<CommandResult<State>, 'state' | 'version'> & { readonly id: string };

/** The body of the answer to a command: its schema, and its value. */
interface Reply<State, A extends z.ZodObject = z.ZodObject> {
  readonly answer: A;
  readonly reply: (effect: Effect<State>) => z.output<A>;
}

interface CommandDeclaration<Command, B extends z.ZodObject> {
  readonly name: string;
  /** A path without the aggregate's id creates the aggregate; the body may then give the id. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  /** The command's data, without the aggregate's id. */
  readonly body: B;
  readonly command: (data: z.output<B>) => Command;
  /** 201 becomes 200 for a repeat; other statuses stay. Default 201. */
  readonly status?: 200 | 201 | 202;
  /** The meaning of the status. */
  readonly done: string;
}

const FAULTS: readonly ProblemCode[] = ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'];

/**
 * Declares the routes of one aggregate's commands: `const command = commandRoute(decider, usual)`, then one
 * `command({ ... })` for each.
 * @param usual the answer to each command that has no other
 */
export function commandRoute<State, Command, Type extends EventType, U extends z.ZodObject>(
  decider: Decider<State, Command, Type>,
  usual: Reply<State, U>,
) {
  const idName = `${decider.aggregateType}Id`;
  return <B extends z.ZodObject, A extends z.ZodObject = U>(
    declaration: CommandDeclaration<Command, B>,
    reply?: Reply<State, A>,
  ): Route<CommandDeps> => {
    const { body, command, status = 201, done, ...described } = declaration;
    const creates = !described.path.includes(`{${idName}}`);
    const { answer, reply: replyTo }: Reply<State> = reply ?? usual;
    return route({
      ...described,
      method: 'POST',
      params: creates ? undefined : z.object({ [idName]: id }),
      body: creates ? z.strictObject({ [idName]: id.optional().describe('Made when absent'), ...body.shape }) : body,
      answer,
      statuses: (status === 201 ? { 201: done, 200: REPEAT } : { [status]: done }) as Record<200 | 201 | 202, string>,
      errors: creates ? FAULTS : ['NOT_FOUND', ...FAULTS],
      async handle({ params, body: sent, context }, deps: CommandDeps) {
        const { [idName]: given, ...data } = { ...sent, ...params } as Record<string, unknown>;
        const aggregateId = (given as string | undefined) ?? newIdOf(decider.aggregateType, context);
        const wanted = command(data as z.output<B>); // parsed by `body`, which has no id
        const effect = await handleCommand(deps.store, decider, aggregateId, wanted, appendOptions(context, deps));
        return {
          status: effect.repeated && status === 201 ? 200 : status,
          body: replyTo({ id: aggregateId, state: effect.state, version: effect.version }),
          headers: repeatHeader(effect.repeated),
        };
      },
    });
  };
}
