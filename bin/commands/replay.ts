import { type Command, Option } from 'commander';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { follow, summaryOf } from '../replay/follow.ts';
import { parseInstant } from './instant.ts';
import { printJson, withJson } from './json-output.ts';
import { clientOf, type Target, withTarget } from './target.ts';

interface FollowOptions extends Target {
  readonly json: boolean;
}

interface ReplayOptions extends FollowOptions {
  readonly rebuild: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly type?: string[];
}

/** Adds `replay`: makes a new generation of a projection on a running server, and what can be done with one. */
export function addReplayCommand(program: Command): void {
  const group = program.command('replay').description('make views anew from events, beside the live ones');
  group.addHelpText('after', EXAMPLES);
  withJson(withTarget(group.command('start', { isDefault: true })))
    .description('replay all events, or those of a time or of some types, and follow it to its end')
    .argument('<projection>', 'such as agent-status')
    .option('--rebuild', 'all events, and readers get the new views as soon as they are whole', false)
    .addOption(new Option('--from <time>', 'events recorded from this time on').argParser(parseInstant))
    .addOption(new Option('--to <time>', 'events recorded up to this time').argParser(parseInstant))
    .option('--type <type...>', 'events of these types')
    .addHelpText('after', EXAMPLES)
    .action((projection: string, { rebuild, from, to, type: types, json, ...target }: ReplayOptions) =>
      reporting(async () => {
        const client = clientOf(target);
        if (rebuild && (from || to || types))
          throw new RangeError('--rebuild takes all events: leave out --from, --to and --type');
        const replayId = rebuild
          ? (await client.operations.rebuild(projection)).rebuildId
          : (await client.operations.requestReplay({ projection, from, to, types })).replayId;
        if (!json) console.log(`replay ${replayId} has begun; it goes on when this command is stopped`);
        await end(client, replayId, rebuild, json);
      }),
    );
  withJson(withTarget(group.command('follow')))
    .description('follow a replay to its end')
    .argument('<replayId>')
    .action((replayId: string, { json, ...target }: FollowOptions) =>
      reporting(() => end(clientOf(target), replayId, false, json)),
    );
  for (const verb of ['pause', 'resume', 'discard'] as const) {
    withTarget(group.command(verb))
      .description(descriptions[verb])
      .argument('<replayId>')
      .action((replayId: string, target: Target) =>
        reporting(async () => console.log(summaryOf(await clientOf(target).operations.moveReplay(replayId, verb)))),
      );
  }
  withTarget(group.command('switch'))
    .description('serve the generation of a replay that is ready')
    .argument('<replayId>')
    .option('--accept-part', 'also one that holds a part of the events only', false)
    .action((replayId: string, { acceptPart, ...target }: Target & { acceptPart: boolean }) =>
      reporting(async () =>
        console.log(summaryOf(await clientOf(target).operations.switchToReplay(replayId, { acceptPart }))),
      ),
    );
}

const EXAMPLES = `
Examples:
  annals replay agent-status --rebuild
  annals replay agent-status --from 2026-01-05T00:00:00Z --type agent.created
  annals replay switch <replayId>`;

const descriptions = {
  pause: 'stop a replay after the batch in work',
  resume: 'go on with a replay that was paused or has failed',
  discard: 'give up a replay and remove its views; the live ones stay',
};

async function end(client: AnnalsClient, replayId: string, switches: boolean, json: boolean): Promise<void> {
  const replay = await follow(client, replayId, switches);
  const failed = replay.state === 'failed' || replay.state === 'discarded';
  if (failed) process.exitCode = 1;
  if (json) return printJson(replay);
  for (const { stream, message } of replay.failures) console.error(`${stream}: ${message}`);
  console[failed ? 'error' : 'log'](summaryOf(replay));
}

/** What a server refuses, or an option that makes no sense, is one line and a status. */
async function reporting(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const known =
      error instanceof AnnalsRequestError || error instanceof AnnalsUnreachableError || error instanceof RangeError;
    if (!known) throw error;
    console.error(error instanceof AnnalsRequestError ? error.detail : error.message);
    process.exitCode = 1;
  }
}
