import { styleText } from 'node:util';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ulid } from 'ulid';
import type { AnnalsClient } from '../../client/client.ts';
import { pause } from '../../core/base/pause.ts';
import type { Json, JsonObject } from '../../core/events/json.ts';
import { type ForkOutcome, outcomeOf, tableOf } from './fork-outcomes.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, explained, type Target, withTarget } from './target.ts';

interface ForkOptions extends Target {
  readonly at: number;
  readonly set: JsonObject;
  readonly runs: number;
  readonly name?: string;
  readonly agentType?: string;
  readonly deadline: number;
  readonly wait: boolean;
  readonly json: boolean;
}

/** Most forks of one command. */
const MAX_RUNS = 100;

/** The time between two looks at the tasks, milliseconds. */
const LOOK_MS = 500;

/** Adds `fork`: forks an agent several times, lets the forks run on, and shows what came of them. */
export function addForkCommand(program: Command): void {
  withJson(withTarget(program.command('fork')))
    .description('fork an agent, let the forks run on, and show their outcomes, costs and first differences')
    .argument('<agent>', 'id of the agent, such as 42')
    .addOption(
      new Option('--at <version>', 'the last event that the forks share with the agent')
        .argParser(parseCount(Number.MAX_SAFE_INTEGER))
        .makeOptionMandatory(),
    )
    .option('--set <name=value>', 'a change of the configuration, JSON or text; may occur several times', collect, {})
    .addOption(
      new Option('--runs <n>', `the number of forks, ${MAX_RUNS} at most`).default(1).argParser(parseCount(MAX_RUNS)),
    )
    .option('--name <id>', 'the first part of the ids of the forks; the command with the same name continues them')
    .option('--agent-type <type>', 'the type of the agents that work; by default that of the agent')
    .addOption(
      new Option('--deadline <seconds>', 'the time for each fork')
        .default(3_600)
        .argParser(parseCount(30 * 24 * 3_600)),
    )
    .option('--no-wait', 'start the forks, and do not wait for them')
    .addHelpText('after', '\nExample:\n  annals fork 42 --at 8 --set prompt="Read the tests first." --runs 10')
    .action((agent: string, options: ForkOptions) => explained(() => fork(agent, options)));
}

/** Starts the forks, waits for them, and prints the outcomes. @throws AnnalsRequestError, AnnalsUnreachableError */
async function fork(agent: string, options: ForkOptions): Promise<void> {
  const { at, set: changes, runs, name = ulid(), agentType, deadline, wait, json, ...target } = options;
  const client = createTargetClient(target);
  const run = { deadlineSeconds: deadline, ...(agentType === undefined ? {} : { agentType }) };
  const forks = Array.from({ length: runs }, (_, index) => `${name}-${index + 1}`);
  for (const agentId of forks) {
    // The key follows from the name: a command that was cut off continues.
    await client.agents.fork(agent, { atVersion: at, agentId, changes, run }, { idempotencyKey: `fork-${agentId}` });
  }
  if (!json)
    console.log(styleText('bold', `${runs} forks of ${agent} at version ${at}: ${forks[0]} to ${forks.at(-1)}`));
  if (wait) await ended(client, forks, json ? () => {} : (line) => process.stderr.write(line));
  const outcomes: ForkOutcome[] = [];
  for (const id of forks) outcomes.push(await outcomeOf(client, agent, id));
  if (json) return printJson({ agentId: agent, atVersion: at, changes, forks: outcomes });
  for (const line of tableOf(outcomes)) console.log(line);
}

/** Waits until every task has ended: completed, failed, or withdrawn after its deadline. */
async function ended(client: AnnalsClient, forks: readonly string[], tell: (line: string) => void): Promise<void> {
  let open = forks;
  for (let told = -1; open.length > 0; ) {
    const states = await Promise.all(
      open.map(async (id) => [id, (await client.tasks.get(id, { waitFor: 1 })).state] as const),
    );
    open = states.flatMap(([id, state]) => (state === 'requested' ? [id] : []));
    const done = forks.length - open.length;
    if (done !== told) tell(`${done} of ${forks.length} have ended\n`);
    told = done;
    if (open.length > 0) await pause(LOOK_MS);
  }
}

function collect(given: string, before: JsonObject): JsonObject {
  const [name = '', ...rest] = given.split('=');
  if (name === '' || rest.length === 0)
    throw new InvalidArgumentError('Give a name and a value, such as prompt=short.');
  return { ...before, [name]: parsed(rest.join('=')) };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const parseCount = (most: number) => (value: string) => {
  if (/^[1-9]\d{0,14}$/.test(value) && Number(value) <= most) return Number(value);
  throw new InvalidArgumentError(`Give a whole number from 1${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ''}.`);
};
