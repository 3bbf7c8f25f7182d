import type { Command } from 'commander';

/** Adds the option `--json`, for programs that read the output. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print the result as JSON, for programs', false);
}

/** Prints a result for programs: a JSON value on standard output. */
export function printJson(result: object): void {
  console.log(JSON.stringify(result, null, 2));
}
