import type { AnnalsClient } from '../../client/client.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import type { Clock } from '../../core/events/clock.ts';

/** A moment of a stream, and the version of the view then; without time and version it is now. */
export interface Moment {
  readonly at?: string | undefined;
  readonly version?: number | undefined;
  readonly clock: Clock;
  readonly shown: number;
}

/** Whether the view of a moment has an event of the stream. */
function isIn({ at, version, clock, shown }: Moment, event: DomainEvent): boolean {
  if (at === undefined || clock === 'recorded') return event.sequenceNumber <= (version ?? shown);
  return event.sequenceNumber === 1 || Date.parse(event.timestamp) <= Date.parse(at);
}

/**
 * The first events of a stream that the view of a later moment has and the view of an earlier moment lacks, in their
 * order, and whether more follow.
 */
export async function stepsBetween(
  client: AnnalsClient,
  stream: string,
  [earlier, later]: readonly [Moment, Moment],
  most: number,
): Promise<{ readonly steps: readonly DomainEvent[]; readonly more: boolean }> {
  const steps: DomainEvent[] = [];
  for await (const event of between(client, stream, earlier, later)) {
    if (steps.length === most) return { steps, more: true };
    steps.push(event);
  }
  return { steps, more: false };
}

async function* between(
  client: AnnalsClient,
  stream: string,
  earlier: Moment,
  later: Moment,
): AsyncGenerator<DomainEvent> {
  const byTime = earlier.at !== undefined && earlier.clock === 'happened';
  const range = { from: byTime ? 2 : earlier.shown + 1, to: later.shown };
  if (range.from > range.to) return;
  for (let cursor: string | undefined, isDone = false; !isDone; ) {
    const page = await client.readStream(stream, { ...range, cursor });
    for (const event of page.events) if (isIn(later, event) && !isIn(earlier, event)) yield event;
    cursor = page.next ?? undefined;
    isDone = cursor === undefined;
  }
}

/** Most characters of the line of a step. */
const LINE = 160;

/** A line that says what happened: of a step of an agent its action and observation, else the data of the event. */
export function stepLine({ sequenceNumber, timestamp, type, data }: DomainEvent): string {
  const { action, observation, newState } = data as Readonly<Record<string, unknown>>;
  const deed = typeof action === 'string' ? action : typeof newState === 'string' ? newState : JSON.stringify(data);
  const seen = typeof observation === 'string' ? ` → ${observation}` : '';
  const line = `${deed}${seen}`.replaceAll(/\s+/g, ' ');
  const shown = line.length > LINE ? `${line.slice(0, LINE)}…`.toWellFormed() : line;
  return `${String(sequenceNumber).padStart(6)}  ${timestamp}  ${type}  ${shown}`;
}
