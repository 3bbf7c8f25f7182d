import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEngine, type Engine, type EngineOptions } from '../../../../../adapters/embedded/engine/engine.ts';
import { StartupError } from '../../../../../adapters/embedded/sqlite/database.ts';
import { configureEventSystem } from '../../../../../core/base/configuration.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import type { DomainEvent } from '../../../../../core/events/catalogue.ts';
import { EventStream } from '../../../../../core/log/event-stream.ts';
import { type AnyProjection, defineProjection } from '../../../../../core/projections/projection.ts';
import { LIVE_GENERATION } from '../../../../../core/projections/projector.ts';
import { catalogue } from '../../../../support/application.ts';
import { step, steps } from '../../../../support/sample-events.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

/** Keeps every action in its order, so that a duplicate, a loss or a swap shows; fails where it is told to. */
const actionsUnless = (name: string, fails: (action: string) => boolean): AnyProjection =>
  defineProjection({
    name,
    aggregateType: 'agent',
    types: ['agent.step-recorded'],
    group: { of: () => 'all', values: ['all'] },
    evolve: (view: { seen: string[] } | undefined, { data: { action } }) => {
      if (fails(action)) throw new Error(`cannot take ${action}`);
      return { seen: [...(view?.seen ?? []), action] };
    },
  });

const eventually = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

const actions = actionsUnless('actions', () => false);
const parent = temporaryFolder();
let folders = 0;
const newPath = (): string => join(parent, `${++folders}`);
const opened = new Set<Engine>();

function open(dataDir: string, more: Partial<EngineOptions> = {}) {
  const logger = { warn: vi.fn(), error: vi.fn() };
  const retryPolicy = { attempts: 3, initialDelayMs: 1, maxDelayMs: 5 };
  const engine = createEngine({ catalogue, dataDir, projections: [actions], logger, retryPolicy, ...more });
  opened.add(engine);
  const view = (id: string, projection = 'actions') => engine.views.get(projection, LIVE_GENERATION, id);
  const append = (id: string, ...texts: string[]) =>
    engine.store.append(`agent-${id}`, texts.map(step), { expectedVersion: 'any' });
  const close = async () => {
    opened.delete(engine);
    await engine.close();
  };
  const caughtUp = () =>
    eventually(async () => expect((await engine.projectionStatus()).every(({ lag }) => lag === 0)).toBe(true));
  return { engine, logger, view, append, close, caughtUp };
}

afterEach(async () => {
  await Promise.all([...opened].map((engine) => engine.close()));
  opened.clear();
});

/** Appends in a process that ends when everything is caught up. */
async function runOnce(dataDir: string, ...actions: string[]) {
  const own = open(dataDir);
  own.engine.start();
  for (const action of actions) await own.append('1', action);
  await own.caughtUp();
  const view = await own.view('1');
  await own.close();
  return { view, warnings: own.logger.warn.mock.calls.length };
}

describe('the engine', () => {
  it('applies all appends to the views, also those before the start', async () => {
    const { engine, view, append, caughtUp } = open(newPath());
    await append('1', 'a', 'b');
    await delay(5);
    const [status] = await engine.projectionStatus();
    expect(status).toMatchObject({ name: 'actions', generation: 1, lag: 1, deadLetters: 0 });
    expect(status?.lagMs).toBeGreaterThanOrEqual(4);
    expect(await view('1')).toBeUndefined();
    engine.start();
    await append('2', 'x');
    await append('1', 'c');
    await caughtUp();
    expect(await view('1')).toMatchObject({ version: 3, view: { seen: ['a', 'b', 'c'] } });
    expect(await view('2')).toMatchObject({ version: 1, view: { seen: ['x'] } });
    expect(engine.health()).toEqual({
      status: 'ok',
      checks: { store: 'ok', projector: 'ok', relay: 'ok', sagas: 'ok', data: 'ok' },
    });
  });

  it('catches up over several batches, while requests get their turn', async () => {
    const { engine, append, view, caughtUp } = open(newPath());
    for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 40 }, (_, id) => append(`${id}`, `${n}`)));
    engine.start();
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    await caughtUp();
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(1);
    for (let id = 0; id < 40; id++) {
      expect((await view(`${id}`))?.view).toEqual({ seen: Array.from({ length: 10 }, (_, n) => `${n}`) });
    }
  });

  it('goes on at its checkpoint after a restart, and publishes each event once', async () => {
    const dataDir = newPath();
    const seen: string[] = [];
    const collect = ({ aggregateId, sequenceNumber }: DomainEvent) =>
      void seen.push(`${aggregateId}/${sequenceNumber}`);
    for (let run = 0; run < 3; run++) {
      const { engine, append, view, close, caughtUp } = open(dataDir);
      engine.bus.subscribe('*', collect);
      engine.start();
      await append('1', `${run}`, `${run}`);
      await append(`run-${run}`, 'once');
      await caughtUp();
      await eventually(() => expect(seen).toHaveLength((run + 1) * 3));
      expect(await view('1')).toMatchObject({ version: (run + 1) * 2 });
      await close();
    }
    expect(seen).toEqual(['1/1', '1/2', 'run-0/1', '1/3', '1/4', 'run-1/1', '1/5', '1/6', 'run-2/1']);
  });

  it('builds all views again when views.sqlite was deleted, publishes no event again, and keeps the items of work', async () => {
    const dataDir = newPath();
    const first = open(dataDir);
    first.engine.start();
    for (const id of ['1', '2', '3']) await first.append(id, 'a', 'b');
    await first.engine.workItems.put('lease', 'mine', { until: 'later' }, 0);
    await first.caughtUp();
    await first.close();
    rmSync(join(dataDir, 'views.sqlite'));

    const second = open(dataDir);
    const again = vi.fn();
    second.engine.bus.subscribe('*', again);
    expect(await second.engine.projectionStatus()).toMatchObject([{ lag: 3 }]);
    second.engine.start();
    await second.caughtUp();
    for (const id of ['1', '2', '3']) expect(await second.view(id)).toMatchObject({ view: { seen: ['a', 'b'] } });
    expect(await second.engine.workItems.get('lease', 'mine')).toMatchObject({ content: { until: 'later' } });
    await second.close();
    expect(again).not.toHaveBeenCalled();
  });

  it('builds views again that are ahead of the events, as after a restore of the events', async () => {
    const dataDir = newPath();
    const first = open(dataDir);
    first.engine.start();
    await first.append('1', 'lost', 'lost');
    await first.caughtUp();
    await first.close();
    const database = new DatabaseSync(join(dataDir, 'events.sqlite'));
    database.exec('DELETE FROM commits; DELETE FROM checkpoints');
    database.close();

    const second = open(dataDir);
    second.engine.start();
    await second.append('1', 'kept');
    await second.caughtUp();
    expect(await second.view('1')).toMatchObject({ version: 1, view: { seen: ['kept'] } });
    expect(second.logger.warn).toHaveBeenCalledOnce();
  });

  it('builds views again that belong to other events, wherever their checkpoint is', async () => {
    const dataDir = newPath();
    const append = (...actions: string[]) => runOnce(dataDir, ...actions);
    await append('a', 'b');
    const [events, older] = [join(dataDir, 'events.sqlite'), join(newPath(), 'events.sqlite')];
    cpSync(events, older);
    await append('lost', 'lost');
    cpSync(older, events);
    // A stream that was tried again and again held the checkpoint back; the views were further.
    const views = new DatabaseSync(join(dataDir, 'views.sqlite'));
    views.exec('UPDATE checkpoints SET position = 1');
    views.close();
    expect(await append('c')).toMatchObject({ view: { version: 3, view: { seen: ['a', 'b', 'c'] } }, warnings: 1 });
    expect(await append('d')).toMatchObject({ view: { view: { seen: ['a', 'b', 'c', 'd'] } }, warnings: 0 });
  });

  it('builds views again whose history went on elsewhere', async () => {
    const [here, there] = [newPath(), newPath()];
    await runOnce(here, 'a');
    cpSync(here, there, { recursive: true });
    await runOnce(here, 'lost', 'lost');
    await runOnce(there, 'b', 'c', 'd');
    cpSync(join(there, 'events.sqlite'), join(here, 'events.sqlite'));
    expect(await runOnce(here)).toMatchObject({ view: { version: 4, view: { seen: ['a', 'b', 'c', 'd'] } } });
  });

  it('fills the views of a new projection with the whole history', async () => {
    const dataDir = newPath();
    const first = open(dataDir);
    first.engine.start();
    await first.append('1', 'a');
    await first.caughtUp();
    await first.close();
    const second = open(dataDir, { projections: [actions, actionsUnless('more', () => false)] });
    second.engine.start();
    await second.caughtUp();
    expect(await second.view('1', 'more')).toMatchObject({ view: { seen: ['a'] } });
    expect(await second.view('1')).toMatchObject({ version: 1, view: { seen: ['a'] } });
  });
});

describe('the partition strategy of the log', () => {
  const divided = configureEventSystem({ event_system: { store: { partition_strategy: 'by_aggregate_type' } } });

  it('changes from a single chain to a chain for each aggregate type, and never back', async () => {
    const path = newPath();
    for (const settings of [configureEventSystem({}), divided]) {
      const { engine, append, close } = open(path, { settings });
      await append('1', 'a');
      engine.start();
      await eventually(async () => {
        const { events } = await engine.log.getEventsAfter(undefined);
        expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(settings === divided ? [1, 2] : [1]);
      });
      await close();
    }
    expect(() => open(path)).toThrow(StartupError);
    expect(() => open(path)).toThrow('set partition_strategy back to by_aggregate_type');
    await open(path, { settings: divided }).close();
  });

  it('changes to shards and to more shards, never to fewer and never back; followers go on', async () => {
    const path = newPath();
    const shards = (log_shards: number) =>
      configureEventSystem({ event_system: { store: { partition_strategy: 'sharded', log_shards } } });
    let after: string | undefined;
    for (const settings of [configureEventSystem({}), shards(3), shards(8)]) {
      const { engine, append, close } = open(path, { settings });
      engine.start();
      const followed = new EventStream(engine.log, { after }).getEventIterator();
      for (const agent of ['1', '2', '3']) await append(agent, 'a');
      const seen: string[] = [];
      for await (const { aggregateId, position } of followed) {
        after = position;
        if (seen.push(aggregateId) === 3) break;
      }
      expect(seen.toSorted(), 'each event once').toEqual(['1', '2', '3']);
      await close();
    }
    for (const settings of [shards(7), divided, configureEventSystem({})]) {
      expect(() => open(path, { settings })).toThrow(StartupError);
      expect(() => open(path, { settings })).toThrow(
        'set partition_strategy back to sharded with 8 log_shards or more and start again',
      );
    }
    await open(path, { settings: shards(8) }).close();
  });
});

describe('a projection that throws', () => {
  it('is retried separately until it succeeds', async () => {
    let failures = 2;
    const flaky = actionsUnless('actions', (action) => action === 'bad' && failures-- > 0);
    const { engine, append, view, logger } = open(newPath(), { projections: [flaky] });
    engine.start();
    await append('1', 'good', 'bad');
    await eventually(async () => expect(await view('1')).toMatchObject({ view: { seen: ['good', 'bad'] } }));
    expect(logger.error).not.toHaveBeenCalled();
  });

  it('delays neither other streams nor other projections, and its stream is parked', async () => {
    const failing = actionsUnless('failing', (action) => action === 'bad');
    const { engine, append, view, logger, caughtUp } = open(newPath(), { projections: [failing, actions] });
    engine.start();
    await append('1', 'fine');
    await append('1', 'fine too', 'bad');
    await append('2', 'good');
    await caughtUp();
    expect(await view('2', 'failing')).toMatchObject({ view: { seen: ['good'] } });
    expect(await view('1')).toMatchObject({ view: { seen: ['fine', 'fine too', 'bad'] } });
    await eventually(() => expect(logger.error).toHaveBeenCalledOnce());
    expect(logger.error.mock.calls[0]?.[1]).toMatchObject({
      projection: 'failing',
      stream: 'agent-1',
      parked: { version: 3 },
    });
    // An append shows in a view whole or not at all, so the first event of the one that fails is not in it.
    const parked = await view('1', 'failing');
    expect(parked).toMatchObject({ version: 1, view: { seen: ['fine'] } });
    expect(parked?.parked).toMatchObject({
      version: 3,
      eventType: 'agent.step-recorded',
      error: 'Error: cannot take bad',
    });
    expect(parked?.parked?.attempts).toHaveLength(3);
    expect(await engine.projectionStatus()).toMatchObject([{ deadLetters: 1 }, { deadLetters: 0 }]);
    expect(engine.health().status).toBe('ok');
  });

  it('leaves the later commits of a parked stream in the store', async () => {
    const failing = actionsUnless('failing', (action) => action === 'bad');
    const { engine, append, view, logger, caughtUp } = open(newPath(), { projections: [failing] });
    engine.start();
    await append('1', 'bad');
    await eventually(() => expect(logger.error).toHaveBeenCalledOnce());
    for (const text of ['a', 'b', 'c']) await append('1', text);
    await append('2', 'good');
    await caughtUp();
    expect(await view('2', 'failing')).toMatchObject({ view: { seen: ['good'] } });
    expect(await view('1', 'failing')).toMatchObject({ version: 0, view: undefined, parked: { version: 1 } });
    expect(logger.error).toHaveBeenCalledOnce();
  });

  it('retries unfinished streams after a restart', async () => {
    const dataDir = newPath();
    const slowly = { attempts: 3, initialDelayMs: 60_000, maxDelayMs: 60_000 };
    const first = open(dataDir, { projections: [actionsUnless('actions', () => true)], retryPolicy: slowly });
    first.engine.start();
    await first.append('1', 'a');
    await first.append('2', 'b');
    await first.caughtUp();
    await first.close();
    const second = open(dataDir);
    second.engine.start();
    await second.caughtUp();
    expect(await second.view('1')).toMatchObject({ view: { seen: ['a'] } });
    expect(await second.view('2')).toMatchObject({ view: { seen: ['b'] } });
  });

  it('loses no commit that arrives while its stream is in retry', async () => {
    let attempts = 0;
    const flaky = actionsUnless('actions', () => attempts++ < 20);
    const policy = { attempts: 30, initialDelayMs: 1, maxDelayMs: 2 };
    const { engine, append, view, caughtUp } = open(newPath(), { projections: [flaky], retryPolicy: policy });
    engine.start();
    const texts = steps(15).map(({ data }) => data.action);
    for (const text of texts) await append('1', text);
    await caughtUp();
    await eventually(async () => expect(await view('1')).toMatchObject({ version: 15, view: { seen: texts } }));
  });
});

describe('the bus of the engine', () => {
  it('survives a subscriber that throws, and logs the error', async () => {
    const { engine, append, logger } = open(newPath());
    const good = vi.fn();
    engine.bus.subscribe('agent.step-recorded', () => {
      throw new Error('subscriber');
    });
    engine.bus.subscribe('agent.step-recorded', good);
    engine.start();
    await append('1', 'a', 'b');
    await eventually(() => expect(good).toHaveBeenCalledTimes(2));
    expect(logger.error).toHaveBeenCalledTimes(2);
  });

  it('gets every event in the end, also after an outage of the bus', async () => {
    const { engine, append } = open(newPath());
    const published: string[] = [];
    let outages = 5; // more than there are attempts
    engine.bus.addPublisher('out', {
      publish: async (events) => {
        if (outages-- > 0) throw new UnavailableError('no bus');
        published.push(...events.map(({ aggregateId, sequenceNumber }) => `${aggregateId}/${sequenceNumber}`));
        return [];
      },
    });
    engine.start();
    await append('1', 'a', 'b');
    await append('2', 'c');
    await eventually(() => expect(published).toEqual(expect.arrayContaining(['1/1', '1/2', '2/1'])));
    expect(await Array.fromAsync(engine.deadLetters.list())).toEqual([]);
  });

  it('parks a stream at a refused event, publishes the other streams, and the rest after a redrive', async () => {
    const dataDir = newPath();
    const { engine, append, logger, close } = open(dataDir);
    const seen = vi.fn();
    engine.bus.addMiddleware((event) => {
      if (event.aggregateId === '1' && event.sequenceNumber === 2) throw new Error('refused');
      return event;
    });
    engine.bus.subscribe('*', (event) => void seen(`${event.aggregateId}/${event.sequenceNumber}`));
    engine.start();
    await append('1', 'a');
    await append('1', 'b');
    await append('2', 'a');
    await eventually(() => expect(logger.error).toHaveBeenCalledOnce());
    await append('1', 'c');
    await append('2', 'b');
    await eventually(() => expect(seen.mock.calls.flat()).toContain('2/2'));
    expect(seen.mock.calls.flat()).not.toContain('1/3');
    await close();
    rmSync(join(dataDir, 'views.sqlite'));

    const again = open(dataDir);
    const rest = vi.fn();
    again.engine.bus.subscribe('*', (event) => void rest(`${event.aggregateId}/${event.sequenceNumber}`));
    again.engine.start();
    const [letter, ...others] = await Array.fromAsync(again.engine.deadLetters.list());
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ id: 'bus:agent-1', applied: 1, parked: { version: 2, error: 'Error: refused' } });
    expect(letter?.parked.attempts).toHaveLength(3);
    expect(await again.engine.deadLetters.redrive('bus:agent-1')).toEqual({ id: 'bus:agent-1', from: 1, to: 3 });
    expect(rest.mock.calls.flat()).toEqual(['1/2', '1/3']);
    await again.append('1', 'd');
    await eventually(() => expect(rest.mock.calls.flat()).toEqual(['1/2', '1/3', '1/4']));
  });
});
