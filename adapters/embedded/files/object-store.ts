import { type Dirent, mkdirSync, rmSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UnavailableError } from '../../../core/base/errors.ts';
import { assertObjectKey, type ListedObject, type ObjectStore } from '../../../core/store/object-store.ts';

/**
 * Objects as files: the key of an object is the path of its file. A file is written and flushed under a temporary name,
 * then renamed, so that a crash or loss of power leaves the whole object or none.
 */
export class FileObjectStore implements ObjectStore {
  readonly #objects: string;
  readonly #unfinished: string;
  #written = 0;

  /**
   * @param folder the data folder; its folders `objects` and `unfinished` are created, and unfinished files are removed
   * @param readOnly for use beside the process that has the folder: creates and removes nothing, and `put` must not be called
   */
  constructor(folder: string, { readOnly = false } = {}) {
    this.#objects = join(folder, 'objects');
    this.#unfinished = join(folder, 'unfinished');
    if (readOnly) return;
    rmSync(this.#unfinished, { recursive: true, force: true });
    for (const path of [this.#objects, this.#unfinished]) mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  async put(key: string, bytes: Uint8Array, { ifAbsent = false } = {}): Promise<boolean> {
    const path = this.#path(key);
    this.#written += 1;
    const unfinished = join(this.#unfinished, String(this.#written));
    return onDisk(async () => {
      try {
        await writeThrough(unfinished, bytes);
        await makeFolder(dirname(path));
        if (ifAbsent && !(await linkIfFree(unfinished, path))) return false;
        if (!ifAbsent) await rename(unfinished, path);
        await syncFolder(dirname(path));
        return true;
      } finally {
        await rm(unfinished, { force: true });
      }
    });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return onDisk(() => absentIfMissing(readFile(this.#path(key))));
  }

  delete(key: string): Promise<void> {
    return onDisk(() => rm(this.#path(key), { force: true }));
  }

  async *list(prefix: string, { after = '' }: { after?: string | undefined } = {}): AsyncGenerator<ListedObject> {
    for await (const key of this.#keys('', prefix, after)) {
      const found = await onDisk(() => absentIfMissing(stat(this.#path(key))));
      if (found) yield { key, bytes: found.size, modifiedAt: found.mtime.toISOString() };
    }
  }

  /** A folder name with a slash sorts like the keys in the folder. Folders without matching keys are not opened. */
  async *#keys(folder: string, prefix: string, after: string): AsyncGenerator<string> {
    const entries = await onDisk(() => absentIfMissing(readdir(join(this.#objects, folder), { withFileTypes: true })));
    const toName = (entry: Dirent) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`;
    const names = (entries ?? []).map(toName).sort(); // ids are ASCII, so characters sort like bytes
    for (const name of names) {
      if (!name.endsWith('/')) {
        if (name.startsWith(prefix) && name > after) yield name;
      } else if ((name.startsWith(prefix) || prefix.startsWith(name)) && (name > after || after.startsWith(name))) {
        yield* this.#keys(name, prefix, after);
      }
    }
  }

  #path(key: string): string {
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

/** Makes a folder and its missing parents. The names of all new folders are on the disk when the promise resolves. */
async function makeFolder(path: string): Promise<void> {
  const topmost = await mkdir(path, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  for (let made = path; made.length >= topmost.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Gives a file a second name unless the name is taken. The kernel makes the check and the link a single step. */
async function linkIfFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Flushes the names in a folder to the disk. */
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
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const errorCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** @throws UnavailableError when the disk is full, read-only, failing or out of handles */
async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'].includes(String(errorCode(cause)))) throw cause;
    throw new UnavailableError(
      `the disk that holds the data folder fails (${errorCode(cause)}); repair it, then repeat the request`,
      { cause },
    );
  }
}
