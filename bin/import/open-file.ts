import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { PassThrough, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { SourceFile } from '../../sources/source-event.ts';
import { fileError, InputError } from './input.ts';
import { isZlibError, packedError } from './packed.ts';

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const CHUNK_BYTES = 256 * 1024;

/**
 * A file that is read in chunks, unpacked when it is gzip or zstd data.
 * @throws InputError when there is no such file, or it is empty
 */
export async function openFile(path: string): Promise<SourceFile> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) throw new InputError(path, '', 'is a folder, not a file');
    if (facts.size === 0) throw new InputError(path, '', 'is empty');
    const unpacker = await unpackerOf(path);
    return { path, modifiedAt: facts.mtime.toISOString(), read: () => chunksOf(path, unpacker()) };
  } catch (error) {
    throw fileError(path, error);
  }
}

async function unpackerOf(path: string): Promise<() => Transform> {
  await using handle = await open(path);
  const { buffer } = await handle.read({ buffer: Buffer.alloc(ZSTD.length), position: 0 });
  if (buffer.subarray(0, GZIP.length).equals(GZIP)) return createGunzip;
  return buffer.equals(ZSTD) ? createZstdDecompress : () => new PassThrough();
}

async function* chunksOf(path: string, unpack: Transform): AsyncGenerator<Uint8Array> {
  const reading = pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), unpack);
  reading.catch(() => {}); // `unpack` has the error, too
  try {
    for await (const chunk of unpack) yield chunk as Uint8Array;
  } catch (error) {
    throw isZlibError(error) ? packedError(path, error) : fileError(path, error);
  }
}
