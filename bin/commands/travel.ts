import { styleText } from 'node:util';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { diffJson } from 'diff';
import { parseStreamId } from '../../core/base/stream-id.ts';
import { type Clock, clocks } from '../../core/events/clock.ts';
import { isShared } from '../../core/projections/projection.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';
import { parseInstant } from './instant.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, explained, type Target, withTarget } from './target.ts';

interface TravelOptions extends Target, WithApp {
  readonly at?: string;
  readonly toVersion?: number;
  readonly clock: Clock;
  readonly json: boolean;
}

/** Adds `travel`: shows a past view of a stream, and the changes since then. */
export function addTravelCommand(program: Command): void {
  withJson(withTarget(withApp(program.command('travel'))))
    .description('show a past view of a stream, and the changes since then')
    .argument('<stream>', 'id of the stream, such as agent-42')
    .addOption(
      new Option('--at <time>', 'the time, ISO 8601 with Z or an offset')
        .conflicts('toVersion')
        .argParser(parseInstant),
    )
    .addOption(new Option('--to-version <n>', 'the version instead of a time').argParser(parseVersion))
    .addOption(new Option('--clock <clock>', 'the time of events that --at means').choices(clocks).default('happened'))
    .addHelpText('after', EXAMPLES)
    .action((stream: string, options: TravelOptions) => explained(() => travel(stream, options)));
}

const EXAMPLES = `
Examples:
  annals travel agent-42 --to-version 1
  annals travel agent-42 --at 2026-01-05T09:00:00Z --json`;

/** Prints a past view, and its differences to the current view. @throws AnnalsRequestError, AnnalsUnreachableError, InvalidIdError, TypeError */
async function travel(stream: string, { at, toVersion, clock, json, app, ...target }: TravelOptions): Promise<void> {
  const { aggregateType, aggregateId } = parseStreamId(stream);
  const { projections } = await loadApplication(app);
  const projection = projections.find((candidate) => !isShared(candidate) && candidate.aggregateType === aggregateType);
  if (!projection) throw new TypeError(`there is no view of ${aggregateType} streams`);
  if (at === undefined && toVersion === undefined)
    throw new TypeError('name the moment: --at <time> or --to-version <n>');
  const client = createTargetClient(target);
  const [then, now] = await Promise.all([
    client.view(projection.name, aggregateId, { at, version: toVersion, clock }),
    client.view(projection.name, aggregateId),
  ]);
  if (json) return printJson({ past: then, now });
  const moment = at ?? `version ${toVersion}`;
  const lines = [
    styleText('bold', `${stream} at ${moment}: version ${then['version']}`),
    JSON.stringify(then, null, 2),
    styleText('bold', `from there to now: version ${now['version']}`),
    ...changes(then, now),
  ];
  for (const line of lines) console.log(line);
}

function parseVersion(value: string): number {
  if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Give a whole number from 1.');
}

const signs = { added: ['+', 'green'], removed: ['-', 'red'], same: [' ', 'dim'] } as const;

/** A line for each line of JSON: removed lines in red, added lines in green. */
function changes(then: object, now: object): string[] {
  return diffJson(then, now).flatMap(({ added, removed, value }) => {
    const [sign, colour] = signs[added ? 'added' : removed ? 'removed' : 'same'];
    const lines = value.replace(/\n$/, '').split('\n');
    return lines.map((line) => styleText(colour, `${sign} ${line}`, { stream: process.stdout }));
  });
}
