import type { Notices, SourceEvent, SourceFile, SourcePart } from '../../sources/source-event.ts';

/** A file of a source with this content, read in small chunks. */
export function sourceFile(
  path: string,
  content: string | Uint8Array | readonly object[],
  chunkBytes = 97,
): SourceFile {
  const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(textOf(content));
  return {
    path,
    modifiedAt: '2026-11-03T12:00:00.000Z',
    async *read() {
      for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    },
  };
}

const textOf = (content: string | readonly object[]) => (typeof content === 'string' ? content : jsonLinesOf(content));

export const jsonLinesOf = (lines: readonly object[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

/** What parts of a source tell. */
export interface ToldBySource {
  readonly events: readonly SourceEvent[];
  readonly problems: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Reads parts one after the other. */
export async function readParts(parts: readonly SourcePart[]): Promise<ToldBySource> {
  const problems: string[] = [];
  const counts: Record<string, number> = {};
  const notices: Notices = {
    problem: (place, fault) => problems.push(`${place}: ${fault}`),
    count: (what, times = 1) => {
      if (times > 0) counts[what] = (counts[what] ?? 0) + times;
    },
  };
  const events: SourceEvent[] = [];
  for (const part of parts) for await (const event of part.events(notices)) events.push(event);
  return { events, problems, counts };
}

/** The data of the events of a type in a stream. */
// biome-ignore lint/suspicious/noExplicitAny: tests read any data
export const dataOf = ({ events }: ToldBySource, type: string, streamId?: string): any[] =>
  events
    .filter(({ event, streamId: stream }) => event.type === type && (streamId === undefined || stream === streamId))
    .map(({ event }) => event.data);

/** The sum of the usage of all steps, by name. */
export function usageOf(told: ToldBySource): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { usage = {} } of dataOf(told, 'agent.step-recorded')) {
    for (const [name, used] of Object.entries(usage)) sums[name] = (sums[name] ?? 0) + Number(used);
  }
  return sums;
}
