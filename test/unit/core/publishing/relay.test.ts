import { describe, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../../../core/base/errors.ts';
import { EventBus } from '../../../../core/bus/event-bus.ts';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { BUS, ParkedStreams } from '../../../../core/publishing/parked-streams.ts';
import { Publication } from '../../../../core/publishing/publication.ts';
import { Relay } from '../../../../core/publishing/relay.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';

const quick = { attempts: 3, initialDelayMs: 1, maxDelayMs: 2 };

async function twoCommits(): Promise<[Commit, Commit]> {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const step = (action: string) => ({ type: 'agent.step-recorded', data: { agentId: '42', action } }) as const;
  await store.append('agent-42', [step('1'), step('2')], { expectedVersion: 0 });
  await store.append('agent-42', [step('3')], { expectedVersion: 2 });
  return (await Array.fromAsync(store.commits('agent-42'))) as [Commit, Commit];
}

const actionOf = (event: DomainEvent) => (event.type === 'agent.step-recorded' ? event.data.action : event.type);

function setup(
  refuse: (action: string, attempt: number) => boolean,
  error: Error | ((action: string) => Error | undefined) = new Error('refused'),
) {
  const bus = new EventBus({ onHandlerError: () => {} });
  const sent: string[][] = [];
  bus.addPublisher('out', {
    publish: vi.fn(async (events: readonly DomainEvent[]) => {
      sent.push(events.map(actionOf));
      const refused = events.filter((event) => refuse(actionOf(event), sent.length));
      return refused.map((event) => ({ event, error: typeof error === 'function' ? error(actionOf(event)) : error }));
    }),
  });
  const views = new MemoryViewStore();
  const onParked = vi.fn();
  const publication = new Publication({
    catalogue,
    bus,
    policy: quick,
    parked: new ParkedStreams(views, BUS),
    onParked,
  });
  return { publication, sent, views, onParked };
}

describe('Publication', () => {
  it('publishes every event in order', async () => {
    const { publication, sent } = setup(() => false);
    expect(await publication.publish(await twoCommits())).toEqual([]);
    expect(sent).toEqual([['1', '2', '3']]);
  });

  it('tries only failed events again', async () => {
    const { publication, sent } = setup((action, attempt) => action === '2' && attempt < 3);
    expect(await publication.publish(await twoCommits())).toEqual([]);
    expect(sent).toEqual([['1', '2', '3'], ['2'], ['2']]);
  });

  it('parks the stream of an event that fails, with its attempts, and holds back its later events', async () => {
    const { publication, sent, views, onParked } = setup((action) => action === '3');
    const [first, second] = await twoCommits();
    expect(await publication.publish([first, second])).toEqual([]);
    expect(onParked).toHaveBeenCalledExactlyOnceWith('agent-42', expect.objectContaining({ version: 3 }));
    const stored = await views.get('bus', 1, 'agent-42');
    expect(stored).toMatchObject({ version: 2, parked: { version: 3, error: 'Error: refused' } });
    expect(stored?.parked?.attempts).toHaveLength(3);
    sent.length = 0;
    expect(await publication.publish([first, second])).toEqual([]);
    expect(sent).toEqual([['1', '2']]); // what comes late, and once more, but nothing from the failed event on
  });

  it('holds back a commit that reaches over the parked event, also when it begins before it', async () => {
    const { publication, sent, views } = setup((action) => action === '2');
    const [first, second] = await twoCommits();
    expect(await publication.publish([first])).toEqual([]);
    expect(await views.get('bus', 1, 'agent-42')).toMatchObject({ version: 1, parked: { version: 2 } });
    sent.length = 0;
    expect(await publication.publish([first, second])).toEqual([]);
    expect(sent).toEqual([]);
  });

  it('parks nothing while the bus cannot be reached: the commits come again', async () => {
    const outage = new UnavailableError('no bus');
    const { publication, views } = setup((action) => action === '3', outage);
    const [first, second] = await twoCommits();
    expect(await publication.publish([first, second])).toEqual([{ commit: second, error: outage }]);
    expect(await views.countParked('bus', 1)).toBe(0);
  });

  it('parks a stream at the first failed event, and waits for an earlier event that the bus may take later', async () => {
    const errors: Record<string, Error> = { '1': new Error('never'), '3': new Error('never, too') };
    const { publication, views } = setup(
      (action) => action in errors,
      (action) => errors[action],
    );
    const commits = await twoCommits();
    expect(await publication.publish(commits)).toEqual([]);
    expect(await views.get('bus', 1, 'agent-42')).toMatchObject({ version: 0, parked: { version: 1 } });

    const later = setup(
      (action) => action in errors,
      (action) => errors[action],
    );
    errors['1'] = new UnavailableError('later');
    expect((await later.publication.publish(commits)).map(({ commit }) => commit)).toEqual(commits);
    expect(await later.views.countParked('bus', 1)).toBe(0);
  });

  it('acknowledges nothing when marks can be neither read nor written', async () => {
    const { publication, views } = setup((action) => action === '3');
    const [first, second] = await twoCommits();
    const outage = new UnavailableError('no storage');
    vi.spyOn(views, 'put').mockRejectedValueOnce(outage);
    expect(await publication.publish([first, second])).toEqual([{ commit: second, error: outage }]);
    vi.spyOn(views, 'listParked').mockRejectedValueOnce(outage);
    expect(await publication.publish([first, second])).toHaveLength(2);
  });

  it('parks a commit that cannot be read, and publishes the others', async () => {
    const { publication, sent, views } = setup(() => false);
    const [first, second] = await twoCommits();
    const broken = { ...first, body: new Uint8Array([9, 1]) };
    expect(await publication.publish([broken, { ...second, stream: 'agent-43' }])).toEqual([]);
    expect(sent).toEqual([['3']]);
    expect(await views.get('bus', 1, 'agent-42')).toMatchObject({ version: 0, parked: { version: 1 } });
  });
});

describe('Relay', () => {
  it('puts a batch into the log before the bus, and publishes no event that is not in the log', async () => {
    const { publication, sent } = setup(() => false);
    const log = { append: vi.fn(async (_commits: readonly Commit[]) => {}) };
    const relay = new Relay({ log, publication });
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
