import * as z from 'zod';
import type { AnyAggregate } from '../../application/aggregate.ts';
import { CommandRejectedError, NotFoundError, ValidationError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import { id } from '../../core/events/envelope.ts';
import { viewFold } from '../../core/projections/view-fold.ts';
import { assertNotAhead } from '../../core/state/decider.ts';
import { MAX_PARENTS, parentsOf } from '../../core/state/lineage.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from '../http/command.ts';
import { pascalCase } from '../http/names.ts';
import { newIdOf } from '../http/new-id.ts';
import { type Route, route } from '../http/route.ts';
import { happened } from './command-routes.ts';

const version = z.int().positive();
const atVersion = version.describe('The last event that the fork shares with its parent');

/** The routes that fork streams, of the aggregates that say how a fork begins. */
export const forkCommands = (aggregates: readonly AnyAggregate[]): readonly Route<CommandDeps>[] =>
  aggregates.flatMap((aggregate) => (aggregate.fork ? [forkRoute(aggregate, aggregate.fork)] : []));

function forkRoute(
  { aggregateType: type, plural, view }: AnyAggregate,
  begin: NonNullable<AnyAggregate['fork']>,
): Route<CommandDeps> {
  const idName = `${type}Id`;
  const forkId = id.optional().describe('Made when absent');
  return route({
    name: `fork${pascalCase(type)}`,
    method: 'POST',
    path: `/${plural}/{${idName}}/forks`,
    summary: `Start another ${type} from a moment of this one`,
    description: `The new ${type} shares the history up to that moment by reference: nothing is copied. Later events of the two ${plural} are separate.`,
    params: z.object({ [idName]: id }),
    body: z.strictObject({ atVersion, ...happened, ...{ [idName]: forkId } }),
    answer: z.strictObject({ ...{ [idName]: id }, parentId: id, atVersion, version }),
    statuses: { 201: 'Forked', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT', 'CORRUPT_DATA'],
    async handle({ params, body, context }, deps: CommandDeps) {
      const parentId = id.parse(params[idName]);
      const { atVersion, timestamp } = body;
      if (timestamp !== undefined) assertNotAhead(timestamp, new Date());
      const parent = streamId(type, parentId);
      const [head, parents] = await Promise.all([deps.store.head(parent), parentsOf(deps.store, parent)]);
      if (head === 0) throw new NotFoundError(`${type} ${parentId} does not exist`);
      if (atVersion > head) {
        throw new ValidationError([{ path: 'atVersion', message: `is past the ${type}’s version, which is ${head}` }]);
      }
      if (parents >= MAX_PARENTS) {
        throw new CommandRejectedError(`${type} ${parentId} has ${parents} parents, and no ${type} can have more`);
      }
      const given = forkId.parse((body as Readonly<Record<string, unknown>>)[idName]);
      const ownId = given ?? newIdOf(type, context);
      const states = deps.states ?? new StateReader({ store: deps.store });
      const folded = view && (await states.past(viewFold(view.projection), parent, { version: atVersion }));
      const { toVersion, repeated } = await deps.store.append(
        streamId(type, ownId),
        [
          {
            ...begin({ id: ownId, parentId, atVersion, past: folded?.state as object | undefined }),
            ...(timestamp && { timestamp }),
          },
        ],
        { ...appendOptions(context, deps), expectedVersion: 0 },
      );
      return {
        status: repeated ? 200 : 201,
        body: { [idName]: ownId, parentId, atVersion, version: toVersion },
        headers: repeatHeader(repeated),
      };
    },
  });
}
