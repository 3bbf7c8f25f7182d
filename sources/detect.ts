import { basename } from 'node:path';
import { SQLITE_MARK } from './process-logs/open-ocel.ts';
import { documentForm, jsonValues, type Member } from './session-files/json-document.ts';
import { jsonLines } from './session-files/lines.ts';
import type { SourceFile } from './source-event.ts';
import { SourceFault } from './source-fault.ts';

/** The formats of files that can be told apart by their content. */
export const FORMATS = [
  'claude-code',
  'codex',
  'atif',
  'mini-swe-agent',
  'swe-agent',
  'openhands',
  'xes',
  'ocel',
  'csv',
] as const;
export type Format = (typeof FORMATS)[number];

/** Bytes at the beginning of a file that are looked at. */
const SAMPLE_BYTES = 64 * 1024;

/**
 * The format of a file, by its content.
 * @throws SourceFault when it is of none; the message names what was looked for
 */
export async function detectFormat(file: SourceFile): Promise<Format> {
  const sample = await sampleOf(file);
  if (sample.startsWith(SQLITE_MARK)) return 'ocel';
  if (sample.startsWith('<')) return xmlFormat(sample);
  if (sample.startsWith('{') || sample.startsWith('[')) {
    return (await lineFormat(sample, file)) ?? (await documentFormat(file)) ?? unknown();
  }
  if (/\.(csv|tsv)(\.gz)?$/i.test(file.path) || /^[^\n{}<>]*[,;\t][^\n{}<>]*\r?\n/.test(sample)) return 'csv';
  return unknown();
}

async function sampleOf(file: SourceFile): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of file.read()) {
    pieces.push(chunk);
    bytes += chunk.length;
    if (bytes >= SAMPLE_BYTES) break;
  }
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, SAMPLE_BYTES)).replace(/^[\s\0]+/, '');
}

function xmlFormat(sample: string): Format {
  if (/<object-types\b/.test(sample)) return 'ocel';
  if (/<log\b/.test(sample)) return 'xes';
  throw new SourceFault('', 'is XML, but no log in XES or OCEL 2.0: it has no <log> element');
}

/** A session in lines: of Claude Code or Codex. */
async function lineFormat(sample: string, file: SourceFile): Promise<Format | undefined> {
  if (/\.(traj|traj\.json|json|jsonocel)(\.gz)?$/i.test(file.path)) return undefined;
  let lines = 0;
  // A first line may be longer than the sample.
  const isLines = /\.jsonl(\.(gz|zst))?$/i.test(file.path);
  for await (const { value } of jsonLines(isLines ? file.read() : once(new TextEncoder().encode(sample)))) {
    const line = value as Readonly<Record<string, unknown>>;
    if ('payload' in line && 'type' in line) return 'codex';
    if (line['record_type'] !== undefined || ('instructions' in line && 'timestamp' in line)) return 'codex';
    if ('type' in line && ('sessionId' in line || 'uuid' in line || 'leafUuid' in line || 'message' in line)) {
      return 'claude-code';
    }
    if (++lines > 200) break;
  }
  return undefined;
}

async function* once(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}

async function documentFormat(file: SourceFile): Promise<Format | undefined> {
  const { kind, members } = await documentForm(
    () => file.read(),
    (found) => nameFormat(found) !== undefined,
  );
  if (kind === 'array') return listFormat(file);
  return nameFormat(members) ?? (members.has('history') || members.has('attempts') ? 'swe-agent' : undefined);
}

/** A bare list of messages: older versions of mini-swe-agent wrote them in `.traj.json` files. */
async function listFormat(file: SourceFile): Promise<Format | undefined> {
  for await (const { value } of jsonValues(() => file.read(), ['$.*'])) {
    const isMessage = typeof value === 'object' && value !== null && 'role' in value;
    if (!isMessage) return undefined;
    return 'agent' in value || !/\.traj\.json/i.test(file.path) ? 'swe-agent' : 'mini-swe-agent';
  }
  return undefined;
}

function nameFormat(members: ReadonlyMap<string, Member>): Format | undefined {
  const format = members.get('trajectory_format')?.value;
  if (typeof format === 'string' && format.startsWith('mini-swe-agent')) return 'mini-swe-agent';
  if (String(members.get('schema_version')?.value ?? '').startsWith('ATIF')) return 'atif';
  if (members.has('trajectory')) return 'swe-agent';
  // A first line that is longer than the sample.
  if (members.has('sessionId')) return 'claude-code';
  if (members.has('payload')) return 'codex';
  if (members.has('objectTypes') || members.has('eventTypes')) return 'ocel';
  if (members.has('ocel:events') || members.has('ocel:global-log')) {
    throw new SourceFault('', 'is an OCEL 1.0 log; convert it to OCEL 2.0 JSON, for example with pm4py');
  }
  if (members.get('messages')?.kind === 'array' && members.has('info')) return 'mini-swe-agent';
  return undefined;
}

function unknown(): never {
  throw new SourceFault(
    '',
    'is of no known format: looked for lines of Claude Code or Codex, documents of ATIF, mini-swe-agent, SWE-agent and OCEL 2.0, XES, and CSV; name the format, as in `import swe-agent <file>`',
  );
}

/** Whether a name promises a file that can be imported, for the files of a folder. */
export const isCandidate = (path: string): boolean =>
  /\.(jsonl|traj|json|xes|csv|tsv|jsonocel|xmlocel|sqlite)(\.(gz|zst))?$/i.test(path) &&
  !/\.meta\.json$/.test(basename(path));
