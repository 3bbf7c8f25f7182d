import { expect, test } from 'vitest';
import { EventStream } from '../../core/log/event-stream.ts';
import { EventLog } from '../../core/log/log.ts';
import type { LogStorage } from '../../core/log/storage.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { LogReplay } from '../../core/replays/log-replay.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { olderCommit } from '../support/older-data.ts';
import { catalogueWithFormerNames as catalogue } from '../support/retired-names.ts';

/** Readers of a type also get its events under former names. */
export function retiredTypesContract(createStorage: () => Promise<LogStorage>): void {
  const data = { agentId: '1', action: 'a' };
  const stateChange = { agentId: '1', previousState: 'running', newState: 'waiting', reason: 'r' };
  const stored = [
    { type: 'agent.noted', version: 1, data },
    { type: 'agent.step-noted', version: 1, data },
    { type: 'agent.step-recorded', version: 2, data },
    { type: 'agent.heard', version: 1, data },
    { type: 'agent.heard', version: 1, data: stateChange },
    { type: 'agent.born', version: 1, data: { agentId: '1', agentType: 't', configuration: {}, createdBy: 'me' } },
  ];

  /** One page for each commit with one event, so that the types of a page matter, too. */
  async function logOf() {
    const storage = await createStorage();
    const writer = new LogWriter({ catalogue, storage, commits: new MemoryCommitStorage(), strategy: 'single' });
    for (const [index, event] of stored.entries()) await writer.append([olderCommit('agent-1', index + 1, [event])]);
    return { storage, log: new EventLog({ catalogue, storage, strategy: 'single' }) };
  }

  test.each([
    ['agent.step-recorded', [1, 2, 3, 4]],
    ['agent.state-changed', [5]],
    ['agent.created', [6]],
  ])('%s is found under every stored name', async (type, expected) => {
    const { storage, log } = await logOf();
    const numbers = (events: readonly { readonly type: string; readonly sequenceNumber: number }[]) =>
      events.map((event) => [event.type, event.sequenceNumber]);
    const wanted = expected.map((number) => [type, number]);
    expect(numbers((await log.getEventsAfter(undefined, { types: [type] })).events)).toEqual(wanted);
    expect(numbers(await Array.fromAsync(log.getEventsByType(type)))).toEqual(wanted);
    const time = '2026-01-05T09:00:00.266Z';
    expect(numbers(await Array.fromAsync(log.getEventsByTimeRange(time, time, [type])))).toEqual(wanted);
    const stream = new EventStream(log, { types: [type], to: time }).getEventIterator();
    expect(numbers(await Array.fromAsync(stream))).toEqual(wanted);
    const replay = new LogReplay({ catalogue, storage, strategy: 'single' });
    const pages = await Array.fromAsync(replay.pages({ partition: 'all', from: 1, to: 6 }, { types: [type] }));
    const replayed = pages.flatMap(({ commits }) => commits.map(({ version }) => version));
    expect(replayed).toEqual(expect.arrayContaining(expected));
    expect(replayed.length).toBeLessThan(6);
  });
}
