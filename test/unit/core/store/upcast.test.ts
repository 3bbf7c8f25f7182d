import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { EventVersionError } from '../../../../core/base/errors.ts';
import { defineEvent, type RetiredEvent, retireEvent } from '../../../../core/events/define.ts';
import { Projector } from '../../../../core/projections/projector.ts';
import { type Commit, decodeCommit, plainBody, type StoredEvent } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { type KnownEvents, upcast } from '../../../../core/store/upcast.ts';
import { agentStatus } from '../../../../domain/agent/agent-status.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';

const place = { stream: 'agent-42', sequenceNumber: 7 };

/** A type in its third version, one that was renamed to it, and one that was split into two. */
const declare = { kind: 'domain', access: 'open', aggregateType: 'agent', description: '', sensitive: [] } as const;
const paused = defineEvent({
  ...declare,
  type: 'agent.paused',
  version: 3,
  data: z.strictObject({ reason: z.string(), seconds: z.number() }),
  upcasters: [
    (data) => ({ ...data, reason: 'unknown' }),
    ({ minutes, ...data }) => ({ ...data, seconds: Number(minutes) * 60 }),
  ],
});
const resumed = defineEvent({ ...declare, type: 'agent.resumed', version: 1, data: z.strictObject({}) });
const halted = retireEvent({
  type: 'agent.halted',
  version: 2,
  upcasters: [(data) => ({ minutes: data['min'] ?? null })],
  successors: ['agent.paused'],
  succeed: (data) => ({ type: 'agent.paused', version: 2, data: { ...data, reason: 'halted' } }),
});
const toggled = retireEvent({
  type: 'agent.toggled',
  version: 1,
  successors: ['agent.paused', 'agent.resumed'],
  succeed: ({ on }) =>
    on
      ? { type: 'agent.resumed', version: 1, data: {} }
      : { type: 'agent.paused', version: 3, data: { reason: 'toggled', seconds: 0 } },
});
const circle = retireEvent({
  type: 'agent.circle',
  version: 1,
  successors: ['agent.circle'],
  succeed: (data) => ({ type: 'agent.circle', version: 1, data }),
});

const known: KnownEvents = {
  definitionOf: (type) => [paused, resumed].find((definition) => definition.type === type),
  retired: { get: (type) => ([halted, toggled, circle] as RetiredEvent[]).find((event) => event.type === type) },
};

describe('upcast', () => {
  it.each([
    [1, { minutes: 2 }, { reason: 'unknown', seconds: 120 }],
    [2, { minutes: 2, reason: 'rest' }, { reason: 'rest', seconds: 120 }],
    [3, { seconds: 5, reason: 'rest' }, { reason: 'rest', seconds: 5 }],
  ])('takes version %i through the whole chain', (version, data, expected) => {
    const event = { id: 'e', type: 'agent.paused', version, data };
    expect(upcast(event, place, known)).toEqual({ id: 'e', type: 'agent.paused', version: 3, data: expected });
  });

  it('gives an event that is up to date back as it is', () => {
    const event = { type: 'agent.resumed', version: 1, data: {} };
    expect(upcast(event, place, known)).toBe(event);
  });

  it('reads a renamed type as its successor, in whatever version that took over', () => {
    const event = { type: 'agent.halted', version: 1, data: { min: 3 } };
    expect(upcast(event, place, known)).toEqual({
      type: 'agent.paused',
      version: 3,
      data: { reason: 'halted', seconds: 180 },
    });
  });

  it('reads a split type as one of its successors, by what is in it', () => {
    const types = [true, false].map((on) => upcast({ type: 'agent.toggled', version: 1, data: { on } }, place, known));
    expect(types).toMatchObject([{ type: 'agent.resumed' }, { type: 'agent.paused', data: { reason: 'toggled' } }]);
  });

  it('leaves what was stored untouched', () => {
    const event = { type: 'agent.paused', version: 1, data: Object.freeze({ minutes: 2 }) };
    upcast(event, place, known);
    expect(event).toEqual({ type: 'agent.paused', version: 1, data: { minutes: 2 } });
  });

  it.each([
    ['a version that is newer', { type: 'agent.paused', version: 4, data: {} }, /known up to version 3/],
    ['a type that is not known', { type: 'agent.cloned', version: 1, data: {} }, /no event type agent.cloned/],
    ['a result that breaks the schema', { type: 'agent.paused', version: 2, data: { minutes: 'x' } }, /seconds/],
    ['a retired type that leads nowhere', { type: 'agent.circle', version: 1, data: {} }, /circle/],
  ])('names the event when there is %s', (_, event, reason) => {
    const error = (() => {
      try {
        return upcast(event, place, known);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(EventVersionError);
    expect(error).toMatchObject({ ...place, code: 'EVENT_VERSION', type: event.type, version: event.version });
    expect((error as Error).message).toContain(`event 7 of stream agent-42, ${event.type} of version ${event.version}`);
    expect(String((error as Error).cause)).toMatch(reason);
  });

  it('refuses a declaration without an upcaster for each older version', () => {
    expect(() => defineEvent({ ...paused, upcasters: [] })).toThrow('agent.paused is of version 3 and needs 2');
    expect(() => retireEvent({ ...halted, version: 1 })).toThrow('needs 0 upcasters, it has 1');
  });
});

/** A commit of one event as some version of Annals wrote it. */
function stored(version: number, event: { readonly type?: string; readonly version?: number }): Commit {
  const base = {
    id: `e${version}`,
    type: 'agent.created',
    version: 1,
    timestamp: '2026-01-05T09:00:00.000Z',
    source: 's',
  };
  const data = { agentId: '42', agentType: 'coder', configuration: {}, createdBy: 'ops' };
  const events = [{ ...base, data, ...event }] as unknown as StoredEvent[];
  const recordedAt = '2026-01-05T09:00:00.000Z';
  const types = events.map(({ type }) => type);
  return {
    stream: 'agent-42',
    version,
    count: 1,
    commitId: `c${version}`,
    keyed: true,
    recordedAt,
    types,
    body: plainBody(Buffer.from(JSON.stringify(events))),
  };
}

describe('events stored by other versions of Annals', () => {
  it('are read in today’s version by every reader, for all read commits by one function', async () => {
    const storage = new MemoryCommitStorage();
    await storage.put(stored(1, {}));
    const store = new EventStore(storage, { catalogue });
    const expected = { version: 2, data: { agentId: '42', metadata: { migrated: true, originalVersion: 1 } } };
    expect(await Array.fromAsync(store.read('agent-42'))).toMatchObject([expected]);
    expect(decodeCommit(stored(1, {}), catalogue)).toMatchObject([expected]);
  });

  it('of a newer version stop the projection there, and leave its view as it was', async () => {
    const storage = new MemoryCommitStorage();
    const views = new MemoryViewStore();
    const projector = new Projector({
      projections: [agentStatus],
      store: new EventStore(storage, { catalogue }),
      views,
    });
    const commits = [stored(1, {}), stored(2, { version: 3 }), stored(3, { version: 2 })];
    for (const commit of commits) await storage.put(commit);
    expect(await projector.apply(commits.slice(0, 1))).toEqual([]);
    const failures = await projector.apply(commits.slice(1));
    expect(failures).toMatchObject([
      { error: { code: 'EVENT_VERSION', stream: 'agent-42', sequenceNumber: 2, version: 3 } },
    ]);
    expect(await views.get('agent-status', 1, '42')).toMatchObject({ version: 1 });
  });

  it('do not keep their writer from the answer it gets for a repeat', async () => {
    const storage = new MemoryCommitStorage();
    await storage.put(stored(1, { type: 'agent.cloned', version: 9 }));
    const data = { agentId: '42', action: 'x' };
    const repeat = await new EventStore(storage, { catalogue }).append(
      'agent-42',
      [{ type: 'agent.step-recorded', data }],
      {
        expectedVersion: 0,
        commitId: 'c1',
      },
    );
    expect(repeat).toMatchObject({ repeated: true, eventIds: ['e1'] });
  });
});
