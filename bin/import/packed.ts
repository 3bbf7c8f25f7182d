import { InputError } from './input.ts';

/** Whether an error comes from zlib. */
export const isZlibError = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(Z_|ZSTD_)/.test(error.code);

/** The error for broken packed data. */
export function packedError(file: string, error: Error & { code: string }): InputError {
  const what =
    error.code === 'Z_BUF_ERROR'
      ? 'the gzip data ends too early: the file is truncated'
      : `broken packed data: ${error.message}`;
  return new InputError(file, '', what, { cause: error });
}
