import { type Dirent, mkdirSync, rmSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UnavailableError } from '../../../core/base/errors.ts';
import { assertObjectKey, type ListedObject, type ObjectStore } from '../../../core/store/object-store.ts';

/**
 * Objects in files, one each, under the folders that its key names. A file is written aside, brought to the disk and
 * then given its name, so that it is there whole or not at all, whenever the process or the power goes.
 */
export class FileObjectStore implements ObjectStore {
  readonly #objects: string;
  readonly #unfinished: string;
  #written = 0;

  /**
   * @param folder its own; made if need be. What a process left unfinished there is removed
   * @param readOnly beside the process that has the folder: nothing is made or removed, and nothing may be put
   */
  constructor(folder: string, { readOnly = false } = {}) {
    this.#objects = join(folder, 'objects');
    this.#unfinished = join(folder, 'unfinished');
    if (readOnly) return;
    rmSync(this.#unfinished, { recursive: true, force: true });
    for (const path of [this.#objects, this.#unfinished]) mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  async put(key: string, bytes: Uint8Array, { ifAbsent = false } = {}): Promise<boolean> {
    const path = this.#pathOf(key);
    this.#written += 1;
    const aside = join(this.#unfinished, String(this.#written));
    return onDisk(async () => {
      try {
        await writeThrough(aside, bytes);
        await makeFolder(dirname(path));
        if (ifAbsent && !(await linkIfFree(aside, path))) return false;
        if (!ifAbsent) await rename(aside, path);
        await syncFolder(dirname(path));
        return true;
      } finally {
        await rm(aside, { force: true });
      }
    });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return onDisk(() => absentIfMissing(readFile(this.#pathOf(key))));
  }

  delete(key: string): Promise<void> {
    return onDisk(() => rm(this.#pathOf(key), { force: true }));
  }

  async *list(prefix: string, { after = '' }: { after?: string | undefined } = {}): AsyncGenerator<ListedObject> {
    for await (const key of this.#keys('', prefix, after)) {
      const found = await onDisk(() => absentIfMissing(stat(this.#pathOf(key))));
      if (found) yield { key, bytes: found.size, modifiedAt: found.mtime.toISOString() };
    }
  }

  /** A folder sorts as its keys do, whose next character is the slash. Folders without wanted keys are not opened. */
  async *#keys(folder: string, prefix: string, after: string): AsyncGenerator<string> {
    const entries = await onDisk(() => absentIfMissing(readdir(join(this.#objects, folder), { withFileTypes: true })));
    const nameOf = (entry: Dirent) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`;
    const names = (entries ?? []).map(nameOf).sort(); // ids are ASCII, so the order of characters is that of bytes
    for (const name of names) {
      if (!name.endsWith('/')) {
        if (name.startsWith(prefix) && name > after) yield name;
      } else if ((name.startsWith(prefix) || prefix.startsWith(name)) && (name > after || after.startsWith(name))) {
        yield* this.#keys(name, prefix, after);
      }
    }
  }

  #pathOf(key: string): string {
    return join(this.#objects, assertObjectKey(key));
  }
}

async function writeThrough(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and those above it; the names of all that are new are on the disk when it returns. */
async function makeFolder(path: string): Promise<void> {
  const topmost = await mkdir(path, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  for (let made = path; made.length >= topmost.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Gives a file a second name unless that is taken: the one step that the kernel refuses to all but the first. */
async function linkIfFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Brings a new name to the disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function absentIfMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** @throws UnavailableError when the disk is full, read-only, failing or out of handles */
async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'].includes(String(codeOf(cause)))) throw cause;
    throw new UnavailableError(
      `the disk that holds the data folder fails (${codeOf(cause)}); see to it, then repeat the request`,
      { cause },
    );
  }
}
