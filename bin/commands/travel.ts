import { styleText } from 'node:util';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { diffJson } from 'diff';
import { parseStreamId } from '../../core/base/stream-id.ts';
import { type Clock, clocks } from '../../core/events/clock.ts';
import { isShared } from '../../core/projections/projection.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';
import { parseInstant } from './instant.ts';
import { printJson, withJson } from './json-output.ts';
import { stepLine, stepsBetween } from './steps-between.ts';
import { createTargetClient, explained, type Target, withTarget } from './target.ts';

interface TravelOptions extends Target, WithApp {
  readonly at?: string;
  readonly toVersion?: number;
  readonly until?: string;
  readonly untilVersion?: number;
  readonly clock: Clock;
  readonly steps: number;
  readonly json: boolean;
}

/** Steps that are shown by default. */
const SHOWN_STEPS = 100;

/** Adds `travel`: shows a past view of a stream, and the steps and changes from there to another moment. */
export function addTravelCommand(program: Command): void {
  withJson(withTarget(withApp(program.command('travel'))))
    .description('show a past view of a stream, and the steps and changes since then')
    .argument('<stream>', 'id of the stream, such as agent-42')
    .addOption(
      new Option('--at <time>', 'the time, ISO 8601 with Z or an offset')
        .conflicts('toVersion')
        .argParser(parseInstant),
    )
    .addOption(new Option('--to-version <n>', 'the version instead of a time').argParser(parseVersion))
    .addOption(
      new Option('--until <time>', 'the end of the steps and changes; by default now')
        .conflicts('untilVersion')
        .argParser(parseInstant),
    )
    .addOption(new Option('--until-version <n>', 'the version of the end instead of a time').argParser(parseVersion))
    .addOption(new Option('--clock <clock>', 'the time of events that times mean').choices(clocks).default('happened'))
    .addOption(new Option('--steps <n>', 'most steps to show').default(SHOWN_STEPS).argParser(parseVersion))
    .addHelpText('after', EXAMPLES)
    .action((stream: string, options: TravelOptions) => explained(() => travel(stream, options)));
}

const EXAMPLES = `
Examples:
  annals travel agent-42 --to-version 1
  annals travel agent-42 --to-version 10 --until-version 20
  annals travel agent-42 --at 2026-01-05T09:00:00Z --json`;

/** Prints a past view, and the steps and differences from there to another moment. @throws AnnalsRequestError, AnnalsUnreachableError, InvalidIdError, TypeError */
async function travel(stream: string, options: TravelOptions): Promise<void> {
  const { at, toVersion, until, untilVersion, clock, steps: most, json, app, ...target } = options;
  const { aggregateType, aggregateId } = parseStreamId(stream);
  const { projections } = await loadApplication(app);
  const projection = projections.find((candidate) => !isShared(candidate) && candidate.aggregateType === aggregateType);
  if (!projection) throw new TypeError(`there is no view of ${aggregateType} streams`);
  if (at === undefined && toVersion === undefined)
    throw new TypeError('name the moment: --at <time> or --to-version <n>');
  const client = createTargetClient(target);
  const [from, to] = [
    { at, version: toVersion, clock },
    { at: until, version: untilVersion, clock },
  ];
  const [past, now] = await Promise.all([from, to].map((moment) => client.view(projection.name, aggregateId, moment)));
  if (!past || !now) return;
  const moments = [
    { ...from, shown: past.version },
    { ...to, shown: now.version },
  ] as const;
  const { steps, more } = await stepsBetween(client, stream, moments, most);
  if (json) return printJson({ past, now, steps, more });
  const lines = [
    styleText('bold', `${stream} at ${at ?? `version ${toVersion}`}: version ${past.version}`),
    JSON.stringify(past, null, 2),
    styleText(
      'bold',
      `from there to ${until ?? (untilVersion === undefined ? 'now' : 'there')}: version ${now.version}`,
    ),
    ...steps.map(stepLine),
    ...(more ? [`        … and more; --steps ${most * 10} shows them`] : []),
    ...changes(past, now),
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
