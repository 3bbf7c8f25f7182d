/** Input that cannot be imported; the message names file, place and what is wrong there. */
export class InputError extends Error {
  override readonly name = 'InputError';
  constructor(file: string, place: string, what: string, options?: ErrorOptions) {
    super([file, place, what].filter((part) => part !== '').join(': '), options);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read',
};

/** What the file system says of a file, in words. */
export function fileError(file: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new InputError(file, '', REASONS[code] ?? message, { cause: error });
}
