import * as z from 'zod';
import type { AnyAggregate, ForkWork } from '../../application/aggregate.ts';
import { CommandRejectedError, NotFoundError, ValidationError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { id } from '../../core/events/envelope.ts';
import { type JsonObject, jsonObject } from '../../core/events/json.ts';
import { viewFold } from '../../core/projections/view-fold.ts';
import { assertNotAhead } from '../../core/state/decider.ts';
import { historyOf, MAX_PARENTS, parentsOf, type Stretch } from '../../core/state/lineage.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from '../http/command.ts';
import { pascalCase } from '../http/names.ts';
import { newIdOf } from '../http/new-id.ts';
import { type RequestContext, type Route, route } from '../http/route.ts';
import { happened } from './command-routes.ts';

const version = z.int().positive();
const atVersion = version.describe('The last event that the fork shares with its parent');

/** The routes that fork streams, of the aggregates that say how a fork begins. */
export const forkCommands = (aggregates: readonly AnyAggregate[]): readonly Route<CommandDeps>[] =>
  aggregates.flatMap((aggregate) => (aggregate.fork ? [forkRoute(aggregate, aggregate.fork)] : []));

/** The further members of a request for a fork that runs on. */
const runMembers = ({ forkRuns, aggregateType }: AnyAggregate): z.core.$ZodLooseShape =>
  forkRuns
    ? {
        changes: jsonObject
          .exactOptional()
          .describe(`Members of the configuration that differ in the new ${aggregateType}`),
        run: z
          .union([z.literal(true), forkRuns.order])
          .exactOptional()
          .describe(`Work goes on from that moment: a task is requested with the ${aggregateType}, all or nothing`),
      }
    : {};

function forkRoute(aggregate: AnyAggregate, begin: NonNullable<AnyAggregate['fork']>): Route<CommandDeps> {
  const { aggregateType: type, plural, view, forkRuns } = aggregate;
  const idName = `${type}Id`;
  const forkId = id.optional().describe('Made when absent');
  const runAnswer = forkRuns
    ? { run: forkRuns.answer.exactOptional().describe('The work of the fork, with `run`') }
    : {};
  return route({
    name: `fork${pascalCase(type)}`,
    method: 'POST',
    path: `/${plural}/{${idName}}/forks`,
    summary: `Start another ${type} from a moment of this one`,
    description: `The new ${type} shares the history up to that moment by reference: nothing is copied. Later events of the two ${plural} are separate.`,
    params: z.object({ [idName]: id }),
    body: z.strictObject({ atVersion, ...happened, ...{ [idName]: forkId }, ...runMembers(aggregate) }),
    answer: z.strictObject({ ...{ [idName]: id }, parentId: id, atVersion, version, ...runAnswer }),
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
      const { [idName]: given, changes, run } = body as Readonly<Record<string, unknown>>;
      const ownId = forkId.parse(given) ?? newIdOf(type, context);
      const states = deps.states ?? new StateReader({ store: deps.store });
      const folded = view && (await states.past(viewFold(view.projection), parent, { version: atVersion }));
      const past = folded?.state as object | undefined;
      const history = run === undefined ? undefined : await sharedHistory(deps.store, parent, atVersion);
      const fork = { id: ownId, parentId, atVersion, past, history, changes: changes as JsonObject | undefined };
      const order = run === true ? {} : (run as Readonly<Record<string, unknown>> | undefined);
      const work = order && forkRuns?.work(fork, order, new Date().toISOString());
      const at = timestamp === undefined ? {} : { timestamp };
      const events = [{ ...begin(fork), ...at }];
      const { toVersion, repeated } = await write(deps, context, { stream: streamId(type, ownId), events, work });
      return {
        status: repeated ? 200 : 201,
        body: { [idName]: ownId, parentId, atVersion, version: toVersion, ...(work && { run: work.answer }) },
        headers: repeatHeader(repeated),
      };
    },
  });
}

/** The places of a history up to a version of its stream. */
async function sharedHistory(store: EventStore, stream: string, version: number): Promise<Stretch[]> {
  const whole = await historyOf(store, stream);
  const cut = whole.map((each) => (each.stream === stream ? { ...each, to: Math.min(each.to, version) } : each));
  return cut.filter(({ from, to }) => from <= to);
}

interface ForkWrite {
  readonly stream: string;
  readonly events: readonly NewEvent[];
  readonly work: ForkWork | undefined;
}

/** Writes a fork and its work, all or nothing. */
async function write(deps: CommandDeps, context: RequestContext, { stream, events, work }: ForkWrite) {
  const { states: _, ...options } = appendOptions(context, deps);
  if (!work) return deps.store.append(stream, events, { ...options, expectedVersion: 0 });
  const appends = [
    { streamId: stream, events, expectedVersion: 0 },
    { streamId: streamId(work.aggregateType, work.id), events: work.events, expectedVersion: 0 },
  ];
  const { results, repeated } = await deps.store.transact({ appends }, options);
  return { toVersion: results[0]?.toVersion ?? 1, repeated };
}
