import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import { CommandRejectedError, LeaseLostError, NotAdmittedError, NotFoundError } from '../base/errors.ts';
import type { EventType, NewEvent } from '../events/catalogue.ts';
import type { Decider } from './decider.ts';

/**
 * Derives {@link Decider.admits} from `decide`: an event is admitted when its command would write exactly this event.
 * @param commandBehind the command that would write an event; undefined when no command does
 */
export function admitsDecided<State, Command, Type extends EventType>(
  decide: Decider<State, Command, Type>['decide'],
  commandBehind: (event: NewEvent<Type>) => Command | undefined,
): NonNullable<Decider<State, Command, Type>['admits']> {
  return (state, event, context) => {
    const command = commandBehind(event);
    if (command === undefined) throw new NotAdmittedError(`no command writes ${event.type}`);
    const [decided, ...more] = decideOrRefuse(() => decide(state, command, context));
    if (!decided) throw new NotAdmittedError(`${event.type} changes nothing in the state of ${context.id}`);
    if (decided.type !== event.type || more.length > 0) {
      throw new NotAdmittedError(`in this state ${decided.type} would follow, not ${event.type}`);
    }
    assertSameData(event.data, decided.data);
    assertNoMore(event.data, decided.data);
  };
}

/** A command that callers may send: its kind, and the schema of its data, which leaves out members that it lacks. */
export interface AdmittingCommand {
  readonly kind: string;
  readonly data: z.ZodObject;
}

/**
 * Derives {@link Decider.admits} from the commands: an event is admitted when a command would write exactly this event,
 * with the data of the event as the data of the command.
 */
export function admitsCommands<State, Command, Type extends EventType>(
  decide: Decider<State, Command, Type>['decide'],
  commands: readonly AdmittingCommand[],
): NonNullable<Decider<State, Command, Type>['admits']> {
  return (state, event, context) => {
    let refusal: NotAdmittedError | undefined;
    for (const { kind, data } of commands) {
      const parsed = data.safeParse(event.data);
      if (!parsed.success) continue;
      try {
        const [decided, ...more] = decideOrRefuse(() => decide(state, { ...parsed.data, kind } as Command, context));
        if (decided?.type !== event.type || more.length > 0) continue;
        assertSameData(event.data, decided.data);
        return assertNoMore(event.data, decided.data);
      } catch (error) {
        if (!(error instanceof NotAdmittedError)) throw error;
        // What differs from the decided event says more than the rule that refuses another command.
        refusal = error.cause === undefined ? error : (refusal ?? error);
      }
    }
    throw refusal ?? new NotAdmittedError(`in this state no command writes this ${event.type}`);
  };
}

/** The event breaks the same rule as its command. */
function decideOrRefuse<Events>(decide: () => Events): Events {
  try {
    return decide();
  } catch (error) {
    if (![CommandRejectedError, LeaseLostError, NotFoundError].some((rule) => error instanceof rule)) throw error;
    throw new NotAdmittedError((error as Error).message, { cause: error });
  }
}

function assertSameData(given: object, decided: object): void {
  const proposed = given as Readonly<Record<string, unknown>>;
  for (const [member, value] of Object.entries(decided)) {
    if (isDeepStrictEqual(proposed[member], value)) continue;
    throw notAsDecided(member, value);
  }
}

/** A member that the command does not write would be a fact that nobody decided. */
function assertNoMore(given: object, decided: object): void {
  const written = decided as Readonly<Record<string, unknown>>;
  const more = Object.keys(given).find((member) => written[member] === undefined);
  if (more !== undefined) throw notAsDecided(more, undefined);
}

const notAsDecided = (member: string, value: unknown) =>
  new NotAdmittedError(`data.${member} has to be ${JSON.stringify(value) ?? 'absent'} in this state`);
