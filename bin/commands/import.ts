import { type Command, InvalidArgumentError, Option } from 'commander';
import { ID_PATTERN } from '../../core/base/stream-id.ts';
import { FORMATS, type Format } from '../../sources/detect.ts';
import { type ColumnMap, XES_COLUMNS } from '../../sources/process-logs/csv.ts';
import { trackProgress } from '../import/progress.ts';
import { type FoundSources, readSources } from '../import/read-sources.ts';
import { createReport } from '../import/report.ts';
import { runImport } from '../import/run-import.ts';
import { parseInstant } from './instant.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, type Target, withTarget } from './target.ts';

interface ImportOptions extends Target {
  readonly id?: string;
  readonly prefix?: string;
  readonly start?: string;
  readonly type: string;
  readonly caseType?: string;
  readonly map: ColumnMap;
  readonly concurrency: number;
  readonly json: boolean;
}

const DESCRIPTIONS: Readonly<Record<Format, string>> = {
  'claude-code': 'sessions of Claude Code (`*.jsonl`), each an agent, and sub-agents as its children',
  codex: 'rollouts of Codex (`*.jsonl`, `*.jsonl.zst`), each an agent',
  atif: 'trajectories in ATIF, the format of Harbor, each an agent',
  'mini-swe-agent': 'trajectories of mini-swe-agent, each an agent',
  'swe-agent': 'trajectories of SWE-agent, each an agent; also files with only a history',
  openhands: 'folders of events of OpenHands, each an agent',
  xes: 'logs of processes in XES, each case a workflow',
  ocel: 'object-centric logs in OCEL 2.0 (JSON, XML, SQLite), each object of a type a workflow',
  csv: 'logs of processes as CSV, each case a workflow',
};

/** Earlier names of formats. */
const ALIASES: Readonly<Partial<Record<Format, string>>> = { 'swe-agent': 'agent-run', csv: 'process-log' };

/** Adds `import [format] <paths...>`: it imports recorded histories into a running server. */
export function addImportCommand(program: Command): void {
  const group = program
    .command('import')
    .description('import recorded histories into a running server')
    .usage('[format] <paths...> [options]')
    .addHelpText('after', EXAMPLES);
  addFormat(group.command('auto', { isDefault: true }), 'files of any known format: each file is looked at', 'auto');
  for (const format of FORMATS) {
    const command = group.command(format);
    const alias = ALIASES[format];
    addFormat(alias === undefined ? command : command.alias(alias), DESCRIPTIONS[format], alias ?? format, format);
  }
}

const EXAMPLES = `
Examples:
  annals import ~/.claude/projects
  annals import codex ~/.codex/sessions
  annals import agent-run runs/*.traj
  annals import csv log.csv --map case=CaseID,activity=Activity,time=Timestamp`;

function addFormat(command: Command, description: string, name: string, format?: Format): void {
  withImport(command)
    .description(description)
    .argument('<paths...>', 'files, packed or not, and folders')
    .addHelpText('after', `\nExample:\n  annals import ${name} ${EXAMPLE_PATHS[name] ?? 'runs/'}`)
    .action(async (paths: string[], options: ImportOptions, { error }: Command) => {
      const found = await readSources(paths, { ...options, format, workflowType: options.type, columns: options.map });
      if (options.id !== undefined && found.parts.length > 1) error('error: --id names one agent; name one file');
      await importAll(found, options);
    });
}

const EXAMPLE_PATHS: Readonly<Record<string, string>> = {
  auto: 'runs/ --prefix monday-',
  'agent-run': 'runs/*.traj --prefix monday-',
  'process-log': 'log.csv.gz --type permit',
};

function withImport(command: Command): Command {
  return withJson(withTarget(command))
    .addOption(new Option('--id <id>', 'the id of the agent, for one file').conflicts('prefix').argParser(parseId))
    .option('--prefix <text>', 'text before each name, in the place of the folder and, for logs, of the file')
    .addOption(
      new Option('--start <time>', 'when runs without times began; the time of the file by default').argParser(
        parseInstant,
      ),
    )
    .option('--type <name>', 'type of the workflows of a log', 'process')
    .option('--case-type <type>', 'the type of object that is a case of an OCEL log')
    .addOption(
      new Option('--map <columns>', 'the columns of a CSV log, as in case=CaseID,activity=Activity,time=Timestamp')
        .argParser(parseMap)
        .default(XES_COLUMNS, 'the names of XES'),
    )
    .addOption(new Option('--utc', 'times without an offset are UTC, as they are anyway').hideHelp())
    .addOption(
      new Option('--concurrency <n>', 'number of files and streams to import side by side')
        .default(16)
        .argParser(parseConcurrency),
    );
}

async function importAll(
  { parts, files, problems, passedOver }: FoundSources,
  { concurrency, json, ...target }: ImportOptions,
): Promise<void> {
  if (!json) console.log(`importing ${files.toLocaleString('en')} files into ${target.url}`);
  const client = createTargetClient(target);
  const progress = trackProgress(parts.length);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(); // a second signal ends the process at once
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const options = { concurrency, onProgress: progress.update, signal: interrupted.signal };
  const imported = await runImport(client, parts, options).finally(progress.stop);
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  const result = {
    ...imported,
    failed: imported.failed + problems.length,
    problems: [...problems, ...imported.problems],
    leftOut: { ...imported.leftOut, ...(passedOver > 0 ? { 'files of no known format': passedOver } : {}) },
  };
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

function parseMap(value: string): ColumnMap {
  const given = value.split(',').map((pair) => {
    const [name = '', ...column] = pair.split('=');
    if (!Object.hasOwn(XES_COLUMNS, name) || column.length === 0) {
      const names = Object.keys(XES_COLUMNS).join(', ');
      throw new InvalidArgumentError(`${JSON.stringify(pair)} is no pair such as case=CaseID. The names are ${names}.`);
    }
    return [name, column.join('=')];
  });
  return { ...XES_COLUMNS, ...Object.fromEntries(given) };
}

const MAX_CONCURRENCY = 256;

function parseConcurrency(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= MAX_CONCURRENCY) return number;
  throw new InvalidArgumentError(`Give a whole number from 1 to ${MAX_CONCURRENCY}.`);
}
