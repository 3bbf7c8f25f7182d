/** Input that cannot be imported. The message names file, place and fault. */
export class InputError extends Error {
  override readonly name = 'InputError';
  constructor(file: string, place: string, fault: string, options?: ErrorOptions) {
    super([file, place, fault].filter((part) => part !== '').join(': '), options);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read',
};

/** The error for a file that cannot be read, in words. */
export function fileError(file: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new InputError(file, '', REASONS[code] ?? message, { cause: error });
}
