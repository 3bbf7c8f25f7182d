import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { openVerification } from '../../adapters/embedded/offline/verification.ts';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { AnnalsError } from '../../core/base/errors.ts';
import { agents } from '../../domain/agents.ts';
import { printJson, withJson } from './json-output.ts';
import { clientOf, parseUrl } from './target.ts';

interface VerifyOptions {
  readonly data: string;
  readonly url?: string;
  readonly region?: string;
  readonly json: boolean;
}

/** What either way of verifying tells. */
interface Outcome {
  readonly verdict: string;
  readonly total: number;
  readonly differences: readonly { part: string; place: string; kind: string; detail: string }[];
}

type Tell = (phase: string, extent: { pages: number; streams: number; commits: number }, differences: number) => void;

/** The exit codes. */
const FINE = 0;
const DIFFERENCES = 1;
const COULD_NOT_RUN = 2;

/** Between two lines of progress, milliseconds. */
const LINE_EVERY_MS = 3_000;
/** How often a server is asked, milliseconds. */
const LOOK_MS = 250;

/** Adds `verify`: holds store, log and views against each other. */
export function addVerifyCommand(program: Command): void {
  withJson(program.command('verify'))
    .description('hold store, log and views against each other; changes nothing, and the server may run')
    .addOption(new Option('--data <folder>', 'where the data is').env('ANNALS_DATA').default('.annals'))
    .addOption(new Option('--url <url>', 'have this server verify its data instead').argParser(parseUrl))
    .option('--region <region>', 'sign requests for API Gateway in this region; detected from API Gateway URLs')
    .addHelpText('after', EXAMPLES)
    .action(async ({ data, url, region, json }: VerifyOptions) => {
      try {
        const target = url && { url, ...(region === undefined ? {} : { region }) };
        const outcome = await (target
          ? verifyThere(clientOf(target), progressLines())
          : verifyHere(data, progressLines()));
        if (json) printJson(outcome);
        else report(outcome);
        process.exitCode = outcome.total === 0 ? FINE : DIFFERENCES;
      } catch (error) {
        console.error(`could not verify: ${reasonOf(error)}`);
        process.exitCode = COULD_NOT_RUN;
      }
    });
}

const EXAMPLES = `
Exits with 0 when all is well, 1 when there are differences, 2 when it could not run.

Examples:
  annals verify --data ./data
  annals verify --url http://127.0.0.1:4700 --json`;

async function verifyHere(data: string, tell: Tell): Promise<Outcome> {
  const { verification, close } = openVerification(data, agents);
  try {
    const run = verification.run();
    let step = await run.next();
    for (; !step.done; step = await run.next()) tell(step.value.phase, step.value.extent, step.value.differences);
    return step.value;
  } finally {
    close();
  }
}

async function verifyThere(client: AnnalsClient, tell: Tell): Promise<Outcome> {
  const { verificationId } = await client.operations.verify();
  for (;;) {
    const {
      state,
      phase,
      extent,
      total,
      differences,
      verdict = '',
    } = await client.operations.verification(verificationId);
    if (state === 'failed') throw new StartupError(verdict);
    if (state === 'done') return { verdict, total, differences };
    tell(phase, extent, total);
    await delay(LOOK_MS);
  }
}

function report({ verdict, total, differences }: Outcome): void {
  for (const { part, place, kind, detail } of differences) console.log(`${part}: ${place} ${kind}: ${detail}`);
  if (total > differences.length) console.log(`... and ${(total - differences.length).toLocaleString('en')} more`);
  if (differences.some(({ part }) => part === 'views')) {
    console.log('POST /projections/{name}/rebuilds makes the views of a projection anew');
  }
  console.log(verdict);
}

/** A line on standard error every few seconds, on a terminal and elsewhere. */
function progressLines(): Tell {
  let told = Date.now();
  return (phase, { pages, streams, commits }, differences) => {
    if (Date.now() - told < LINE_EVERY_MS) return;
    told = Date.now();
    console.error(
      `${phase}: ${pages} log pages, ${streams} streams, ${commits} commits, ${differences} differences so far`,
    );
  };
}

function reasonOf(error: unknown): string {
  const known = [StartupError, AnnalsError, AnnalsRequestError, AnnalsUnreachableError];
  if (known.some((kind) => error instanceof kind)) return (error as Error).message;
  return `${error instanceof Error ? `${error.name}: ${error.message}` : error}; report this as a fault of Annals`;
}
