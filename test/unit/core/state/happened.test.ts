import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../../core/events/catalogue.ts';
import type { JsonObject } from '../../../../core/events/json.ts';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { PastFolds } from '../../../../core/projections/past-folds.ts';
import type { ProjectionOf } from '../../../../core/projections/projection.ts';
import { viewFold } from '../../../../core/projections/view-fold.ts';
import { StateReader } from '../../../../core/state/state-reader.ts';
import { agentStatus } from '../../../../domain/agent/agent-status.ts';
import { fleetOverview } from '../../../../domain/fleet/fleet-overview.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';

const status = agentStatus as unknown as ProjectionOf<JsonObject>;
const fold = viewFold(status);
const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
const created = (agentId: string, n: number): NewEvent => ({
  type: 'agent.created',
  timestamp: minute(n),
  data: { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' },
});
const step = (agentId: string, n: number): NewEvent => ({
  type: 'agent.step-recorded',
  timestamp: minute(n),
  data: { agentId, action: `at ${n}` },
});

let history: History;
let log: EventLog;
let add: (agentId: string, ...events: NewEvent[]) => Promise<void>;

/** A view at an instant, as the stream, the log and the shared views have it. */
async function at(agentId: string, n: number) {
  const moment = { at: new Date(minute(n)), clock: 'happened' } as const;
  const past = new PastFolds({ log, histories: history, views: new MemoryViewStore() });
  const { state, version } = await new StateReader(history).past(fold, `agent-${agentId}`, moment);
  const listed = (await past.views(status, moment)).find(({ key }) => key === agentId);
  expect(listed).toEqual(state && { key: agentId, version, view: state });
  return { state, version };
}

const counted = async (n: number) => {
  const past = new PastFolds({ log, histories: history, views: new MemoryViewStore() });
  return (await past.counters(fleetOverview, { at: new Date(minute(n)), clock: 'happened' })).get('all');
};

beforeEach(() => {
  history = new History();
  const storage = new MemoryLogStorage();
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
  log = new EventLog({ catalogue, storage, strategy: 'single' });
  add = async (agentId, ...events) => {
    await writer.append([await history.commit(agentId, events)]);
  };
});

describe('the state at an instant, by the time at which events happened', () => {
  it('has the events up to the instant, however late they were recorded', async () => {
    await add('a', created('a', 0), step('a', 1), step('a', 2));
    expect(await at('a', -1)).toEqual({ state: undefined, version: 0 });
    expect(await at('a', 0)).toMatchObject({ version: 1, state: { steps: 0 } });
    expect(await at('a', 1)).toMatchObject({ version: 2, state: { steps: 1, lastAction: 'at 1' } });
    expect(await at('a', 60)).toMatchObject({ version: 3, state: { steps: 2 } });
  });

  it('leaves out an event that happened later, and not the events after it in the stream', async () => {
    await add('a', created('a', 0), step('a', 5));
    await add('a', step('a', 3));
    expect(await at('a', 4)).toMatchObject({ version: 3, state: { steps: 1, lastAction: 'at 3' } });
    expect(await at('a', 5)).toMatchObject({ version: 3, state: { steps: 2, lastAction: 'at 5' } });
  });

  it('changes when a late event comes, and by the recorded time it does not', async () => {
    await add('a', created('a', 0), step('a', 5));
    const recorded = { at: new Date(history.written.at(-1)?.recordedAt ?? ''), clock: 'recorded' } as const;
    const before = await new StateReader(history).past(fold, 'agent-a', recorded);
    expect(await at('a', 5)).toMatchObject({ state: { steps: 1 } });
    await add('a', step('a', 4));
    expect(await at('a', 5)).toMatchObject({ state: { steps: 2 } });
    expect(await new StateReader(history).past(fold, 'agent-a', recorded)).toEqual(before);
  });

  it('has the event that begins the stream with the first event that counts', async () => {
    await add('a', created('a', 9), step('a', 4));
    await add('a', step('a', 12));
    expect(await at('a', 3)).toEqual({ state: undefined, version: 0 });
    expect(await at('a', 5)).toMatchObject({ version: 2, state: { agentType: 'coder', steps: 1 } });
    expect(await at('a', 9)).toMatchObject({ version: 2, state: { agentType: 'coder', steps: 1 } });
    expect(await counted(3)).toBeUndefined();
    expect([...((await counted(5)) ?? [])]).toContainEqual(['/stepsByType/coder', 1]);
    expect([...((await counted(12)) ?? [])]).toContainEqual(['/stepsByType/coder', 2]);
  });

  it('is that of today once all events have happened, in any order of their times', async () => {
    const times = [0, 7, 3, 9, 1, 8, 2];
    await add('a', created('a', 4), ...times.map((n) => step('a', n)));
    const today = await new StateReader(history).load(fold, 'agent-a');
    expect(await at('a', 9)).toEqual(today);
    for (let n = 0; n < 9; n += 1) {
      const happened = times.filter((time) => time <= n);
      expect(await at('a', n)).toMatchObject({
        state: { steps: happened.length, lastAction: `at ${Math.max(...happened)}` },
      });
    }
  });

  it('is the fold of what had happened, whatever the times and the appends', async () => {
    const times = fc.array(fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(times, fc.nat(20), async (appends, n) => {
        runs += 1;
        const id = `run-${runs}`;
        await add(id, created(id, appends[0]?.[0] ?? 0));
        for (const own of appends) await add(id, ...own.map((time) => step(id, time)));
        const events = await Array.fromAsync(history.store.read(`agent-${id}`));
        const happened = events.filter(({ timestamp }) => timestamp <= minute(n));
        const counted = events.filter((event) => happened.includes(event) || (happened[0] && event === events[0]));
        expect(await at(id, n)).toEqual({
          state: counted.reduce((state, event) => fold.evolve(state, event), fold.initialState),
          version: happened.at(-1)?.sequenceNumber ?? 0,
        });
      }),
      { numRuns: 60 },
    );
  });

  it('has what a fork inherits, from the time of the fork on', async () => {
    await add('a', created('a', 0), step('a', 1), step('a', 2));
    await add('b', {
      type: 'agent.forked',
      timestamp: minute(5),
      data: { agentId: 'b', parentId: 'a', atVersion: 3, agentType: 'coder', state: 'created' },
    });
    await add('b', step('b', 6));
    expect(await at('b', 4)).toEqual({ state: undefined, version: 0 });
    expect(await at('b', 5)).toMatchObject({ version: 1, state: { agentId: 'b', steps: 2, lastAction: 'at 2' } });
    expect(await at('b', 6)).toMatchObject({ version: 2, state: { steps: 3 } });
  });
});

describe('a range of the log by the time at which events happened', () => {
  it('has late events, in the order of the log', async () => {
    await add('a', created('a', 0), step('a', 5));
    await add('b', created('b', 20));
    await add('a', step('a', 3), step('a', 30));
    const read = async (from: number, to: number) => {
      const range = { from: minute(from), to: minute(to), clock: 'happened' } as const;
      return (await Array.fromAsync(log.events(undefined, range))).map(({ timestamp }) => timestamp);
    };
    expect(await read(3, 5)).toEqual([minute(5), minute(3)]);
    expect(await read(5, 20)).toEqual([minute(5), minute(20)]);
    expect(await read(31, 40)).toEqual([]);
  });
});
