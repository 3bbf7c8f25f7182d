import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { openVerification } from '../../adapters/embedded/offline/verification.ts';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import type { Annals } from '../../application/define-annals.ts';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { AnnalsError } from '../../core/base/errors.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, explain, parseUrl, type Target, withSigning } from './target.ts';

interface VerifyOptions extends Partial<Target>, WithApp {
  readonly data: string;
  readonly json: boolean;
}

/** The result of a verification, here or on a server. */
interface Outcome {
  readonly verdict: string;
  readonly total: number;
  readonly differences: readonly { part: string; place: string; kind: string; detail: string }[];
}

type OnProgress = (
  phase: string,
  extent: { pages: number; streams: number; commits: number },
  differences: number,
) => void;

/** The exit codes. */
const FINE = 0;
const DIFFERENCES = 1;
const COULD_NOT_RUN = 2;

/** Pause between two lines of progress, milliseconds. */
const LINE_EVERY_MS = 3_000;
/** Pause between two requests for the progress of a server, milliseconds. */
const POLL_MS = 250;

/** Adds `verify`: compares store, log and views. */
export function addVerifyCommand(program: Command): void {
  withSigning(withJson(withApp(program.command('verify'))))
    .description('compare store, log and views; changes nothing, and the server may run')
    .addOption(new Option('--data <folder>', 'the data folder').env('ANNALS_DATA').default('.annals'))
    .addOption(new Option('--url <url>', 'let the server at this URL verify its data').argParser(parseUrl))
    .addHelpText('after', EXAMPLES)
    .action(async ({ data, url, json, app, ...signing }: VerifyOptions) => {
      try {
        const outcome = await (url
          ? verifyServer(createTargetClient({ url, ...signing }), progressLines())
          : verifyFolder(data, await loadApplication(app), progressLines()));
        if (json) printJson(outcome);
        else report(outcome);
        process.exitCode = outcome.total === 0 ? FINE : DIFFERENCES;
      } catch (error) {
        console.error(`could not verify: ${describe(error)}`);
        process.exitCode = COULD_NOT_RUN;
      }
    });
}

const EXAMPLES = `
Exits with 0 without differences, 1 with differences, 2 when it could not run.

Examples:
  annals verify --data ./data
  annals verify --url http://127.0.0.1:4700 --json`;

async function verifyFolder(data: string, application: Annals, onProgress: OnProgress): Promise<Outcome> {
  const { verification, close } = openVerification(data, application);
  try {
    const run = verification.run();
    let step = await run.next();
    for (; !step.done; step = await run.next()) onProgress(step.value.phase, step.value.extent, step.value.differences);
    return step.value;
  } finally {
    close();
  }
}

async function verifyServer(client: AnnalsClient, onProgress: OnProgress): Promise<Outcome> {
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
    onProgress(phase, extent, total);
    await delay(POLL_MS);
  }
}

function report({ verdict, total, differences }: Outcome): void {
  for (const { part, place, kind, detail } of differences) console.log(`${part}: ${place} ${kind}: ${detail}`);
  if (total > differences.length) console.log(`... and ${(total - differences.length).toLocaleString('en')} more`);
  if (differences.some(({ part }) => part === 'views')) {
    console.log('POST /projections/{name}/rebuilds builds the views of a projection again');
  }
  console.log(verdict);
}

/** A line on standard error every few seconds, on a terminal and elsewhere. */
function progressLines(): OnProgress {
  let printed = Date.now();
  return (phase, { pages, streams, commits }, differences) => {
    if (Date.now() - printed < LINE_EVERY_MS) return;
    printed = Date.now();
    console.error(
      `${phase}: ${pages} log pages, ${streams} streams, ${commits} commits, ${differences} differences so far`,
    );
  };
}

function describe(error: unknown): string {
  const known = [StartupError, AnnalsError, AnnalsRequestError, AnnalsUnreachableError];
  if (known.some((kind) => error instanceof kind)) return explain(error as Error);
  return `${error instanceof Error ? `${error.name}: ${error.message}` : error}; report this as a fault of Annals`;
}
