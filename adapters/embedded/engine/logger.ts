/** Where the machinery tells what went wrong while no caller was waiting for an answer. */
export interface Logger {
  warn(message: string, details: Readonly<Record<string, unknown>>): void;
  error(message: string, details: Readonly<Record<string, unknown>>): void;
}
