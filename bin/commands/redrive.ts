import type { Command } from 'commander';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, type Target, withTarget } from './target.ts';

interface RedriveOptions extends Target {
  readonly json: boolean;
}

/** The exit code when a batch failed again. */
const FAILED_AGAIN = 1;

/** Adds `redrive`: redrives failed batches on a running server. */
export function addRedriveCommand(program: Command): void {
  const group = program.command('redrive').description('process failed work again');
  withJson(withTarget(group.command('batches')))
    .description('process batches again that Lambda gave up for the projector or the relay; a repeat is harmless')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json, ...target }: RedriveOptions) => {
      const { operations } = createTargetClient(target);
      const all: Redriven[] = [];
      for (let more = true; more; ) {
        const page = await operations.redriveFailedBatches({ after: all.at(-1)?.batchId });
        all.push(...page.results);
        more = page.more;
        if (!json) for (const result of page.results) console.log(describeResult(result));
      }
      const failed = all.filter(({ outcome }) => outcome === 'failed').length;
      if (json) printJson({ results: all });
      else console.log(`${all.length - failed} batches redriven, ${failed} failed again`);
      if (failed > 0) process.exitCode = FAILED_AGAIN;
    });
}

const EXAMPLES = `
Exits with 1 when a batch failed again; such a batch stays.

Example:
  annals redrive batches --url https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod`;

const describeResult = ({ batchId, outcome, consumers, records, reason }: Redriven) =>
  `${outcome}: ${records} records, ${consumers.join(' and ')}, ${batchId}${reason ? `: ${reason}` : ''}`;

interface Redriven {
  readonly batchId: string;
  readonly outcome: string;
  readonly consumers: readonly string[];
  readonly records: number;
  readonly reason?: string | undefined;
}
