import { describe, expect, it, vi } from 'vitest';
import type { Commit } from '../../../core/commit.ts';
import { UnavailableError } from '../../../core/errors.ts';
import { EventBus } from '../../../core/event-bus.ts';
import { EventStore } from '../../../core/event-store.ts';
import { Relay } from '../../../core/relay.ts';
import type { DomainEvent } from '../../../events/catalogue.ts';
import { MemoryCommitStorage } from '../../support/memory-storage.ts';

const quick = { attempts: 3, initialDelayMs: 1, maxDelayMs: 2 };

async function twoCommits(): Promise<[Commit, Commit]> {
  const store = new EventStore(new MemoryCommitStorage());
  const step = (action: string) => ({ type: 'agent.step-recorded', data: { agentId: '42', action } }) as const;
  await store.append('agent-42', [step('1'), step('2')], { expectedVersion: 0 });
  await store.append('agent-42', [step('3')], { expectedVersion: 2 });
  return (await Array.fromAsync(store.commits('agent-42'))) as [Commit, Commit];
}

const actionOf = (event: DomainEvent) => (event.type === 'agent.step-recorded' ? event.data.action : event.type);

function setup(refuse: (action: string, attempt: number) => boolean) {
  const bus = new EventBus({ onHandlerError: () => {} });
  const sent: string[][] = [];
  const log = { append: vi.fn(async (_commits: readonly Commit[]) => {}) };
  bus.addPublisher('out', {
    publish: vi.fn(async (events: readonly DomainEvent[]) => {
      sent.push(events.map(actionOf));
      const refused = events.filter((event) => refuse(actionOf(event), sent.length));
      return refused.map((event) => ({ event, error: new Error('refused') }));
    }),
  });
  return { relay: new Relay({ log, bus, policy: quick }), sent, log };
}

describe('Relay', () => {
  it('publishes every event in order', async () => {
    const { relay, sent } = setup(() => false);
    expect(await relay.relay(await twoCommits())).toEqual([]);
    expect(sent).toEqual([['1', '2', '3']]);
  });

  it('tries again only what failed', async () => {
    const { relay, sent } = setup((action, attempt) => action === '2' && attempt < 3);
    expect(await relay.relay(await twoCommits())).toEqual([]);
    expect(sent).toEqual([['1', '2', '3'], ['2'], ['2']]);
  });

  it('reports the commit whose event does not get through, and no other', async () => {
    const { relay } = setup((action) => action === '3');
    const [first, second] = await twoCommits();
    expect(await relay.relay([first, second])).toEqual([{ commit: second, error: new Error('refused') }]);
  });

  it('reports a commit that cannot be read, and publishes the others', async () => {
    const { relay, sent } = setup(() => false);
    const [first, second] = await twoCommits();
    const broken = { ...first, body: new Uint8Array([9, 1]) };
    expect(await relay.relay([broken, second])).toEqual([{ commit: broken, error: expect.any(Error) }]);
    expect(sent).toEqual([['3']]);
  });
});

describe('the log of a relay', () => {
  it('has a batch before the bus has any of it, and what did not get into the log is not published', async () => {
    const { relay, sent, log } = setup(() => false);
    const commits = await twoCommits();
    log.append.mockImplementationOnce(async (given) => {
      expect([given, sent]).toEqual([commits, []]);
    });
    await relay.relay(commits);
    expect(sent).toHaveLength(1);
    log.append.mockRejectedValueOnce(new UnavailableError('no log'));
    await expect(relay.relay(commits)).rejects.toThrow('no log');
    expect(sent).toHaveLength(1);
  });
});
