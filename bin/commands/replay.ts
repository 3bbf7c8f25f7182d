import { type Command, Option } from 'commander';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError } from '../../client/client.ts';
import { follow, summarize } from '../replay/follow.ts';
import { parseInstant } from './instant.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, explain, type Target, withTarget } from './target.ts';

interface FollowOptions extends Target {
  readonly json: boolean;
}

interface ReplayOptions extends FollowOptions {
  readonly rebuild: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly type?: string[];
}

/** Adds `replay`: starts, follows, pauses, resumes, switches and discards replays on a running server. */
export function addReplayCommand(program: Command): void {
  const group = program.command('replay').description('build views again from events, beside the live views');
  group.addHelpText('after', EXAMPLES);
  withJson(withTarget(group.command('start', { isDefault: true })))
    .description('replay all events, or the events of a time range or of some types, and follow the replay to its end')
    .argument('<projection>', 'name of the projection, such as agent-status')
    .option('--rebuild', 'replay all events; readers get the new views as soon as they are complete', false)
    .addOption(new Option('--from <time>', 'events recorded from this time on').argParser(parseInstant))
    .addOption(new Option('--to <time>', 'events recorded up to this time').argParser(parseInstant))
    .option('--type <type...>', 'events of these types')
    .addHelpText('after', EXAMPLES)
    .action((projection: string, { rebuild, from, to, type: types, json, ...target }: ReplayOptions) =>
      reporting(async () => {
        const client = createTargetClient(target);
        if (rebuild && (from || to || types))
          throw new RangeError('--rebuild takes all events: leave out --from, --to and --type');
        const replayId = rebuild
          ? (await client.operations.rebuild(projection)).rebuildId
          : (await client.operations.requestReplay({ projection, from, to, types })).replayId;
        if (!json) console.log(`replay ${replayId} has begun; it continues when this command stops`);
        await end(client, replayId, rebuild, json);
      }),
    );
  withJson(withTarget(group.command('follow')))
    .description('follow a replay to its end')
    .argument('<replayId>')
    .action((replayId: string, { json, ...target }: FollowOptions) =>
      reporting(() => end(createTargetClient(target), replayId, false, json)),
    );
  for (const verb of ['pause', 'resume', 'discard'] as const) {
    withTarget(group.command(verb))
      .description(descriptions[verb])
      .argument('<replayId>')
      .action((replayId: string, target: Target) =>
        reporting(async () =>
          console.log(summarize(await createTargetClient(target).operations.moveReplay(replayId, verb))),
        ),
      );
  }
  withTarget(group.command('switch'))
    .description('serve the generation of a replay that is ready')
    .argument('<replayId>')
    .option('--accept-part', 'accept a generation with a part of the events', false)
    .action((replayId: string, { acceptPart, ...target }: Target & { acceptPart: boolean }) =>
      reporting(async () =>
        console.log(summarize(await createTargetClient(target).operations.switchToReplay(replayId, { acceptPart }))),
      ),
    );
}

const EXAMPLES = `
Examples:
  annals replay agent-status --rebuild
  annals replay agent-status --from 2026-01-05T00:00:00Z --type agent.created
  annals replay switch <replayId>`;

const descriptions = {
  pause: 'pause a replay after its current batch',
  resume: 'continue a paused or failed replay',
  discard: 'discard a replay and remove its views; the live views stay',
};

async function end(client: AnnalsClient, replayId: string, switches: boolean, json: boolean): Promise<void> {
  const replay = await follow(client, replayId, switches);
  const failed = replay.state === 'failed' || replay.state === 'discarded';
  if (failed) process.exitCode = 1;
  if (json) return printJson(replay);
  for (const { stream, message } of replay.failures) console.error(`${stream}: ${message}`);
  console[failed ? 'error' : 'log'](summarize(replay));
}

/** Runs a command. Refusals of the server, outages and wrong options become a line on standard error and exit code 1. */
async function reporting(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const known =
      error instanceof AnnalsRequestError || error instanceof AnnalsUnreachableError || error instanceof RangeError;
    if (!known) throw error;
    console.error(error instanceof AnnalsRequestError ? error.detail : explain(error));
    process.exitCode = 1;
  }
}
