import { type Command, InvalidArgumentError, Option } from 'commander';
import { ID_PATTERN } from '../../core/base/stream-id.ts';
import { agentRunSources, type RunNames } from '../import/agent-run.ts';
import { InputError } from '../import/input.ts';
import { readProcessLog } from '../import/process-log.ts';
import { trackProgress } from '../import/progress.ts';
import { createReport } from '../import/report.ts';
import { type ImportSource, runImport } from '../import/run-import.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, type Target, withTarget } from './target.ts';

interface ImportOptions extends Target {
  readonly concurrency: number;
  readonly json: boolean;
}

/** Adds `import agent-run` and `import process-log`: they import recorded histories into a running server. */
export function addImportCommand(program: Command): void {
  const group = program.command('import').description('import recorded histories into a running server');

  group.addHelpText('after', EXAMPLES);

  withImport(group.command('agent-run'))
    .description('recorded runs of software-engineering agents (SWE-agent), each as the history of an agent')
    .argument('<files...>', '.traj files, gzipped or not')
    .addOption(new Option('--id <id>', 'the id of the agent, for one file').conflicts('prefix').argParser(parseId))
    .option(
      '--prefix <text>',
      'text before the name of each file: `--prefix night-` imports the same runs as other agents',
    )
    .addHelpText('after', '\nExample:\n  annals import agent-run runs/*.traj --prefix monday-')
    .action(async (files: string[], { id, prefix, ...target }: ImportOptions & RunNames, command: Command) => {
      if (id !== undefined && files.length > 1) command.error('error: --id names one agent; name one file');
      await importAll(agentRunSources(files, { id, prefix }), 'agent runs', target);
    });

  withImport(group.command('process-log'))
    .description('a log of a process with XES column names, each case as the history of a workflow')
    .argument('<file>', 'CSV, gzipped or not')
    .option('--type <name>', 'type of the workflows', 'process')
    .option('--utc', 'take times without an offset as UTC', false)
    .addHelpText('after', '\nExample:\n  annals import process-log log.csv.gz --type permit --utc')
    .action(async (file: string, { type, utc, ...target }: ImportOptions & { type: string; utc: boolean }) => {
      try {
        const cases = await readProcessLog(file, { workflowType: type, assumeUtc: utc });
        await importAll(cases, 'cases', target);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        console.error(error.message);
        process.exitCode = 1;
      }
    });
}

const EXAMPLES = `
Examples:
  annals import agent-run runs/*.traj
  annals import process-log log.csv.gz`;

function withImport(command: Command): Command {
  return withJson(withTarget(command)).addOption(
    new Option('--concurrency <n>', 'number of streams to import side by side').default(16).argParser(parseConcurrency),
  );
}

async function importAll(
  sources: readonly ImportSource[],
  things: string,
  { concurrency, json, ...target }: ImportOptions,
): Promise<void> {
  if (!json) console.log(`importing ${sources.length.toLocaleString('en')} ${things} into ${target.url}`);
  const client = createTargetClient(target);
  const progress = trackProgress(sources.length, things);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(); // a second signal ends the process at once
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const options = { concurrency, onProgress: progress.update, signal: interrupted.signal };
  const result = await runImport(client, sources, options).finally(progress.stop);
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  const report = createReport(result, target.url);
  for (const line of report.errors) console.error(line);
  if (json) printJson({ ...result, stopped: result.stopped?.message });
  else console.log(report.summary);
  if (report.errors.length > 0) process.exitCode = 1;
  if (interrupted.signal.aborted) {
    console.error('the import was interrupted: run it again to continue');
    process.exitCode = INTERRUPTED;
  }
}

/** Exit code after SIGINT, as shells expect it: 128 plus the number of the signal. */
const INTERRUPTED = 130;

function parseId(value: string): string {
  if (ID_PATTERN.test(value)) return value;
  throw new InvalidArgumentError(
    'An id has 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : - and starts with a letter or digit.',
  );
}

const MAX_CONCURRENCY = 256;

function parseConcurrency(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= MAX_CONCURRENCY) return number;
  throw new InvalidArgumentError(`Give a whole number from 1 to ${MAX_CONCURRENCY}.`);
}
