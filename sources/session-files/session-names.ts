import { sep } from 'node:path';
import { fitId } from '../names.ts';

/** The ids of what is imported. */
export interface Naming {
  /** The id of the agent, for a single file. */
  readonly id?: string | undefined;
  /** Text before each name, in the place of folders. */
  readonly prefix?: string | undefined;
}

/** The id of an agent whose source names it. */
export const sessionId = (name: string, { id, prefix = '' }: Naming): string => id ?? fitId(`${prefix}${name}`);

const ENDINGS = /\.(gz|zst)$|\.(traj\.json|traj|jsonl|json|xes|csv|jsonocel|xmlocel|xml|sqlite)$/i;

/** The name of a file without its endings. */
export const bareName = (path: string): string => path.replace(ENDINGS, '').replace(ENDINGS, '');

/**
 * Names files by their folder and file. A folder with the name of its file adds nothing, so the folder above is taken.
 * Files that would have the same name get as many of their folders as they need to differ.
 * @param paths absolute
 */
export function fileNames(paths: readonly string[], { prefix }: Naming): ReadonlyMap<string, string> {
  const parts = new Map(paths.map((path) => [path, partsOf(path)]));
  // A packed file and its unpacked copy have one name.
  const all = [...parts.values()];
  const isSame = (a: readonly string[], b: readonly string[]) => a.join('/') === b.join('/');
  return new Map(
    [...parts].map(([path, own]) => {
      let count = prefix === undefined ? 2 : 1;
      while (
        count < own.length &&
        all.some((other) => !isSame(other, own) && joined(other, count) === joined(own, count))
      )
        count++;
      return [path, `${prefix ?? ''}${joined(own, count)}`];
    }),
  );
}

/** File and folders, the file first. */
function partsOf(path: string): readonly string[] {
  const parts = bareName(path).split(sep).filter(Boolean).reverse();
  return parts.filter((part, index) => index === 0 || part !== parts[index - 1]);
}

const joined = (parts: readonly string[], count: number): string => parts.slice(0, count).reverse().join(':');
