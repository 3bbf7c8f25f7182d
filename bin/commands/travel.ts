import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { diffJson } from 'diff';
import { AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { InvalidIdError } from '../../core/base/errors.ts';
import { parseStreamId } from '../../core/base/stream-id.ts';
import { isShared } from '../../core/projections/projection.ts';
import { projections } from '../../domain/projections.ts';
import { parseInstant } from './instant.ts';
import { clientOf, type Target, withTarget } from './target.ts';

interface TravelOptions extends Target {
  readonly at?: string;
  readonly toVersion?: string;
}

/** Adds `travel`: what a stream's view was, and what has changed since. */
export function addTravelCommand(program: Command): void {
  withTarget(program.command('travel'))
    .description('show the view of a stream as it was, and what has changed since')
    .argument('<stream>', 'such as agent-42')
    .addOption(
      new Option('--at <time>', 'the time, ISO 8601 with Z or an offset')
        .conflicts('toVersion')
        .argParser(parseInstant),
    )
    .addOption(new Option('--to-version <n>', 'the version instead of a time'))
    .action(async (stream: string, options: TravelOptions) => {
      try {
        for (const line of await travel(stream, options)) console.log(line);
      } catch (error) {
        const isExplained = [AnnalsRequestError, AnnalsUnreachableError, InvalidIdError, TypeError];
        if (!isExplained.some((type) => error instanceof type)) throw error;
        console.error((error as Error).message);
        process.exitCode = 1;
      }
    });
}

/** The lines to print. @throws AnnalsRequestError, AnnalsUnreachableError, InvalidIdError, TypeError */
async function travel(stream: string, { at, toVersion, ...target }: TravelOptions) {
  const { aggregateType, aggregateId } = parseStreamId(stream);
  const projection = projections.find((candidate) => !isShared(candidate) && candidate.aggregateType === aggregateType);
  if (!projection) throw new TypeError(`there is no view of ${aggregateType} streams`);
  if (at === undefined && toVersion === undefined)
    throw new TypeError('say which moment: --at <time> or --to-version <n>');
  const client = clientOf(target);
  const [then, now] = await Promise.all([
    client.view(projection.name, aggregateId, {
      at,
      ...(toVersion === undefined ? {} : { version: Number(toVersion) }),
    }),
    client.view(projection.name, aggregateId),
  ]);
  const moment = at ?? `version ${toVersion}`;
  return [
    styleText('bold', `${stream} at ${moment}: version ${then['version']}`),
    JSON.stringify(then, null, 2),
    styleText('bold', `from there to now: version ${now['version']}`),
    ...changes(then, now),
  ];
}

const signs = { added: ['+', 'green'], removed: ['-', 'red'], same: [' ', 'dim'] } as const;

/** A line for each line of JSON: those that are gone in red, those that came in green. */
function changes(then: object, now: object): string[] {
  return diffJson(then, now).flatMap(({ added, removed, value }) => {
    const [sign, colour] = signs[added ? 'added' : removed ? 'removed' : 'same'];
    const lines = value.replace(/\n$/, '').split('\n');
    return lines.map((line) => styleText(colour, `${sign} ${line}`, { stream: process.stdout }));
  });
}
