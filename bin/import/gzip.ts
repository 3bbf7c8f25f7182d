import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from './input.ts';

/** Most unpacked bytes of a file that is read as a whole. */
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;
const MAGIC = Buffer.from([0x1f, 0x8b]);

/** Whether data starts like gzip data. */
export const isGzip = (bytes: Buffer): boolean => bytes.subarray(0, MAGIC.length).equals(MAGIC);

/**
 * The content of a file that may be gzipped.
 * @throws InputError when gzip data is broken, cut, or unpacks to more than 512 MB
 */
export async function unpack(file: string, bytes: Buffer): Promise<Buffer> {
  if (!isGzip(bytes)) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    if (isZlibError(error)) throw gzipError(file, error);
    throw new InputError(file, '', 'unpacks to more than 512 MB; nothing was imported', { cause: error });
  }
}

/** Whether an error comes from zlib. */
export const isZlibError = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');

/** The error for broken gzip data. */
export function gzipError(file: string, error: Error & { code: string }): InputError {
  const what =
    error.code === 'Z_BUF_ERROR'
      ? 'the gzip data ends too early: the file is truncated'
      : `broken gzip data: ${error.message}`;
  return new InputError(file, '', `${what}; nothing was imported`, { cause: error });
}
