import { setTimeout as delay } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { AnnalsClient, Replay } from '../../client/client.ts';

/** Pause between two requests for progress, milliseconds. */
const POLL_MS = 250;
/** Pause between two lines of progress when there is no terminal, milliseconds. */
const LINE_EVERY_MS = 5_000;

/** Whether a replay is in a state that it does not leave without an operator. */
const isOver = ({ state }: Replay, switches: boolean): boolean =>
  ['paused', 'switched', 'failed', 'discarded'].includes(state) || (state === 'ready' && !switches);

/**
 * Follows a replay to its end. Progress goes to standard error: as a bar on a terminal, else as a line every few seconds.
 * @param switches whether the replay switches automatically, so that it does not end when it is ready
 */
export async function follow(client: AnnalsClient, replayId: string, switches: boolean): Promise<Replay> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage} %  {value}/{total} events, {eta_formatted} left  {state}' })
    : undefined;
  bar?.start(1, 0, { state: 'requested' });
  let printed = performance.now();
  try {
    for (;;) {
      const replay = await client.operations.replay(replayId);
      bar?.setTotal(Math.max(replay.total, 1));
      bar?.update(Math.min(replay.events, replay.total), { state: replay.state });
      if (isOver(replay, switches)) return replay;
      if (!bar && performance.now() - printed >= LINE_EVERY_MS) {
        console.error(`${replay.events}/${replay.total} events, ${replay.state}`);
        printed = performance.now();
      }
      await delay(POLL_MS);
    }
  } finally {
    bar?.stop();
  }
}

/** A line about the end of a replay. */
export function summarize({ replayId, projection, generation, state, events, reason }: Replay): string {
  const subject = `replay ${replayId}, generation ${generation} of ${projection}`;
  if (state === 'switched') return `${subject} is live; ${events.toLocaleString('en')} events were read`;
  if (state === 'ready')
    return `${subject} is ready: read its views with ?generation=${generation}, then switch or discard`;
  return `${subject} is ${state}${reason === undefined ? '' : `: ${reason}`}`;
}
