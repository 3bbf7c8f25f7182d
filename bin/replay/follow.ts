import { setTimeout as delay } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { AnnalsClient, Replay } from '../../client/client.ts';

/** How often the server is asked, milliseconds. */
const LOOK_MS = 250;
/** How often a line tells of progress where there is no terminal, milliseconds. */
const LINE_EVERY_MS = 5_000;

/** A replay in one of these is not going to change by itself. */
const isOver = ({ state }: Replay, switches: boolean): boolean =>
  ['paused', 'switched', 'failed', 'discarded'].includes(state) || (state === 'ready' && !switches);

/**
 * Watches a replay until it ends, with a bar on standard error when that is a terminal, and a line now and then when it is none.
 * @param switches whether it is switched to by itself, and so does not end by being ready
 */
export async function follow(client: AnnalsClient, replayId: string, switches: boolean): Promise<Replay> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage} %  {value}/{total} events, {eta_formatted} left  {state}' })
    : undefined;
  bar?.start(1, 0, { state: 'requested' });
  let told = performance.now();
  try {
    for (;;) {
      const replay = await client.operations.replay(replayId);
      bar?.setTotal(Math.max(replay.total, 1));
      bar?.update(Math.min(replay.events, replay.total), { state: replay.state });
      if (isOver(replay, switches)) return replay;
      if (!bar && performance.now() - told >= LINE_EVERY_MS) {
        console.error(`${replay.events}/${replay.total} events, ${replay.state}`);
        told = performance.now();
      }
      await delay(LOOK_MS);
    }
  } finally {
    bar?.stop();
  }
}

/** One line that says how a replay ended. */
export function summaryOf({ replayId, projection, generation, state, events, reason }: Replay): string {
  const what = `replay ${replayId}, generation ${generation} of ${projection}`;
  if (state === 'switched') return `${what} is live; ${events.toLocaleString('en')} events were read`;
  if (state === 'ready') return `${what} is ready: look at it with ?generation=${generation}, then switch or discard`;
  return `${what} is ${state}${reason === undefined ? '' : `: ${reason}`}`;
}
