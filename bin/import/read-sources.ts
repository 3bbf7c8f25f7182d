import { basename, dirname, join, resolve } from 'node:path';
import { detectFormat, type Format } from '../../sources/detect.ts';
import { fitId } from '../../sources/names.ts';
import { type ColumnMap, csvPart } from '../../sources/process-logs/csv.ts';
import { ocelPart } from '../../sources/process-logs/ocel.ts';
import { xesPart } from '../../sources/process-logs/xes.ts';
import { atifPart } from '../../sources/session-files/atif.ts';
import { claudeCodeParts } from '../../sources/session-files/claude-code.ts';
import { codexParts } from '../../sources/session-files/codex.ts';
import { miniSweAgentPart } from '../../sources/session-files/mini-swe-agent.ts';
import { openHandsPart } from '../../sources/session-files/openhands.ts';
import { bareName, fileNames, type Naming } from '../../sources/session-files/session-names.ts';
import { sweAgentPart } from '../../sources/session-files/swe-agent.ts';
import type { SourceFile, SourcePart } from '../../sources/source-event.ts';
import { SourceFault } from '../../sources/source-fault.ts';
import { eventFiles, findFiles, OPENHANDS_STATE } from './find-files.ts';
import { InputError } from './input.ts';
import { openFile } from './open-file.ts';

/** How files are read and named. */
export interface ReadOptions extends Naming {
  /** The format of all files; by default each file is looked at. */
  readonly format?: Format | undefined;
  /** When runs without times began; ISO 8601. */
  readonly start?: string | undefined;
  /** The type of object that is a case of an object-centric log. */
  readonly caseType?: string | undefined;
  /** The type of the workflows of a log. */
  readonly workflowType: string;
  readonly columns: ColumnMap;
}

/** What paths hold. */
export interface FoundSources {
  readonly parts: readonly SourcePart[];
  /** The number of files and conversations. */
  readonly files: number;
  /** The files that cannot be imported, a line each. */
  readonly problems: readonly string[];
  /** The number of files in folders that are of no known format. */
  readonly passedOver: number;
}

/** Finds the files of paths, and reads each by its format. */
export async function readSources(paths: readonly string[], options: ReadOptions): Promise<FoundSources> {
  const files: { readonly file: SourceFile; readonly format: Format }[] = [];
  const problems: string[] = [];
  let passedOver = 0;
  const conversations: SourcePart[] = [];
  for (const { path, isNamed, isConversation } of await findFiles(paths)) {
    try {
      if (isConversation) {
        conversations.push(await conversation(path, options));
        continue;
      }
      const file = await openFile(path);
      files.push({ file, format: options.format ?? (await formatOf(file)) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      if (isNamed) problems.push(error.message);
      else passedOver++;
    }
  }
  const byFormat = Map.groupBy(files, ({ format }) => format);
  const parts = [...byFormat].flatMap(([format, found]) =>
    partsOf(
      format,
      found.map(({ file }) => file),
      options,
    ),
  );
  return { parts: [...parts, ...conversations], files: files.length + conversations.length, problems, passedOver };
}

async function conversation(path: string, naming: Naming): Promise<SourcePart> {
  const files = await eventFiles(path);
  const state = await openFile(join(path, OPENHANDS_STATE)).catch(() => undefined);
  async function* events() {
    for (const file of files) yield await openFile(file);
  }
  return openHandsPart({ path, state, events: { [Symbol.asyncIterator]: events } }, naming);
}

async function formatOf(file: SourceFile): Promise<Format> {
  try {
    return await detectFormat(file);
  } catch (error) {
    if (error instanceof SourceFault) throw new InputError(file.path, error.place, error.message, { cause: error });
    throw error;
  }
}

function partsOf(format: Format, files: readonly SourceFile[], options: ReadOptions): SourcePart[] {
  const paths = files.map(({ path }) => resolve(path));
  const names = fileNames(paths, options);
  // A prefix comes before the session.
  const bareNames = fileNames(paths, options.prefix === undefined ? {} : { prefix: '' });
  const agentId = ({ path }: SourceFile) => options.id ?? fitId(names.get(resolve(path)) ?? path);
  const logNames = (file: SourceFile) => ({
    prefix: options.prefix ?? `${logName(file.path)}:`,
    workflowType: options.workflowType,
    file: basename(file.path).replace(/\.(gz|zst)$/, ''),
  });
  switch (format) {
    case 'claude-code':
      return claudeCodeParts(files, options);
    case 'codex':
      return codexParts(files, options);
    case 'csv':
      return files.map((file) => csvPart(file, logNames(file), options.columns));
    case 'xes':
      return files.map((file) => xesPart(file, logNames(file)));
    case 'ocel':
      return files.map((file) => ocelPart(file, logNames(file), options));
    case 'atif':
      return files.map((file) => atifPart(file, bareNames.get(resolve(file.path)) ?? file.path, options));
    case 'mini-swe-agent':
      return files.map((file) => miniSweAgentPart(file, agentId(file)));
    case 'openhands':
      return files.map((file) => openHandsPart({ path: dirname(file.path), state: file, events: [] }, options));
    case 'swe-agent':
      return files.map((file) => sweAgentPart(file, agentId(file), options));
  }
}

/** The name of a log: its folder and file. */
const logName = (path: string): string =>
  [basename(dirname(resolve(path))), bareName(basename(path))].filter(Boolean).join(':');
