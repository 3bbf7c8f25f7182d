import { documentForm, jsonValues } from '../session-files/json-document.ts';
import type { SourceFile } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import type { OcelRecord, OcelRecords } from './ocel-record.ts';
import { OcelDatabase } from './ocel-sqlite.ts';
import { ocelElements } from './ocel-xml.ts';

/** How a database of SQLite begins. */
export const SQLITE_MARK = 'SQLite format 3\0';

/**
 * Opens an object-centric log; its format follows from how the file begins.
 * @throws SourceFault when it is none
 */
export async function openOcel(file: SourceFile): Promise<OcelRecords> {
  const start = await startOf(file);
  if (start.startsWith(SQLITE_MARK)) return await OcelDatabase.of(file);
  if (/^\s*</.test(start)) {
    return {
      objects: () => ocelElements(file, 'object'),
      events: () => ocelElements(file, 'event'),
      [Symbol.dispose]() {},
    };
  }
  const read = () => file.read();
  const { members } = await documentForm(read);
  if (!members.has('objects') || !members.has('events')) {
    throw new SourceFault('', 'has no objects and events, so it is no OCEL 2.0 log');
  }
  const list = async function* (name: string): AsyncGenerator<OcelRecord> {
    for await (const { value, path } of jsonValues(read, [`$.${name}.*`]))
      yield { value, place: `${name}[${path.at(-1)}]` };
  };
  return { objects: () => list('objects'), events: () => list('events'), [Symbol.dispose]() {} };
}

/** The first characters of a file, without the mark of the byte order. */
async function startOf(file: SourceFile): Promise<string> {
  const decoder = new TextDecoder();
  let start = '';
  for await (const chunk of file.read()) {
    start += decoder.decode(chunk.subarray(0, 1024), { stream: true });
    if (start.length > SQLITE_MARK.length) break;
  }
  return start;
}
