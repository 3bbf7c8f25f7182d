import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { type Annals, isAnnals } from '../../application/define-annals.ts';

/** The option that names the application of a command. */
export interface WithApp {
  /** Path of the file; the application that Annals brings along when absent. */
  readonly app?: string;
}

/** Adds the option `--app`. */
export function withApp(command: Command): Command {
  return command.option('--app <file>', 'your application: a file whose default export is made by defineAnnals');
}

/** The application cannot be loaded. The message names the file and says what to do. */
export class ApplicationError extends StartupError {}

/**
 * Loads an application.
 * @param file path from the working directory; the application that Annals brings along when absent
 * @throws ApplicationError when there is no such file, when it throws, or when its default export is no application
 */
export async function loadApplication(file: string | undefined): Promise<Annals> {
  if (file === undefined) return (await import('#application')).default;
  const path = resolve(file);
  assertFile(path);
  shareModules();
  const { default: application } = await importFile(file, path);
  if (application === undefined) {
    throw new ApplicationError(`${file} has no default export; end it with: export default defineAnnals({ ... })`);
  }
  if (!isAnnals(application)) {
    throw new ApplicationError(`the default export of ${file} is no application; make it with defineAnnals({ ... })`);
  }
  return application;
}

/** @throws ApplicationError when there is no such file */
export function assertFile(path: string): void {
  if (existsSync(path)) return;
  throw new ApplicationError(`there is no file ${path}; name the file of your application`);
}

async function importFile(file: string, path: string): Promise<{ readonly default?: unknown }> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    if (hasCode(cause, 'ERR_UNKNOWN_FILE_EXTENSION')) {
      const version = process.versions.node;
      throw new ApplicationError(
        `${file} is TypeScript, which Node runs from version 22.18 on, and this is Node ${version}; npx -p node@24 -p annals annals dev ${file} runs it with Node 24`,
        { cause },
      );
    }
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const places = why.replaceAll(/\n +at [^\n]*\bnode:[^\n]*/g, ''); // without those inside Node
    throw new ApplicationError(`${file} could not be loaded: ${places}`, { cause });
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

let shared = false;

/**
 * Gives the application this copy of Annals, so that both have the same classes of errors, wherever the application's folder
 * has its own copy. An application in a folder without packages gets zod from here too.
 */
function shareModules(): void {
  if (shared) return;
  shared = true;
  nodeModule.registerHooks({
    resolve(specifier, context, next) {
      const here = { ...context, parentURL: import.meta.url };
      if (/^annals(\/|$)/.test(specifier)) return next(specifier, here);
      if (!/^zod(\/|$)/.test(specifier)) return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return next(specifier, here);
      }
    },
  });
}
