import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isCandidate } from '../../sources/detect.ts';

/** A path to import. */
export interface FoundPath {
  readonly path: string;
  /** The path was named, not found in a folder: it has to be importable. */
  readonly isNamed: boolean;
  /** A folder of OpenHands. */
  readonly isConversation?: boolean;
}

/** The state of a conversation of OpenHands. */
export const OPENHANDS_STATE = 'base_state.json';
/** The folder of its events. */
const OPENHANDS_EVENTS = 'events';
/** A file of its events. */
const OPENHANDS_EVENT = /^event-\d+-.*\.json$/;

/**
 * The files that paths name, those inside of folders whose names promise something to import, and the folders of OpenHands.
 * A path that does not exist is given back, so that opening it says so.
 */
export async function findFiles(paths: readonly string[]): Promise<FoundPath[]> {
  const found = await Promise.all(paths.map((path) => filesOf(path)));
  // A file that is named and also in a named folder counts as named.
  const named = found.flat().toSorted((a, b) => Number(a.isNamed) - Number(b.isNamed));
  const unique = new Map(named.map((each) => [resolve(each.path), each]));
  return [...unique.values()];
}

async function filesOf(path: string): Promise<FoundPath[]> {
  const isFolder = await stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const isState = basename(path) === OPENHANDS_STATE;
    return [isState ? { path: dirname(path), isNamed: true, isConversation: true } : { path, isNamed: true }];
  }
  const entries = (await readdir(path, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const names = entries.map(({ name }) => name);
  if (names.includes(OPENHANDS_STATE) || (names.includes(OPENHANDS_EVENTS) && (await hasEvents(path)))) {
    return [{ path, isNamed: true, isConversation: true }];
  }
  if (names.some((name) => OPENHANDS_EVENT.test(name))) {
    return [{ path: dirname(path), isNamed: true, isConversation: true }];
  }
  const inside = entries.map((entry): Promise<FoundPath[]> | FoundPath[] => {
    const file = join(path, entry.name);
    if (entry.isDirectory()) return filesOf(file);
    return isCandidate(file) ? [{ path: file, isNamed: false }] : [];
  });
  return (await Promise.all(inside)).flat();
}

const hasEvents = async (path: string): Promise<boolean> => (await eventFiles(path)).length > 0;

/** The events of a conversation of OpenHands in their order. */
export async function eventFiles(conversation: string): Promise<string[]> {
  const folder = join(conversation, OPENHANDS_EVENTS);
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => OPENHANDS_EVENT.test(name))
    .toSorted((a, b) => numberOf(a) - numberOf(b))
    .map((name) => join(folder, name));
}

const numberOf = (name: string): number => Number.parseInt(name.slice('event-'.length), 10);
