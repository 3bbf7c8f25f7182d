import { describe, expect, it, vi } from 'vitest';
import { NotFoundError, UnavailableError } from '../../../../core/base/errors.ts';
import { defineProjection } from '../../../../core/projections/projection.ts';
import { LIVE_GENERATION, Projector } from '../../../../core/projections/projector.ts';
import { DeadLetters } from '../../../../core/publishing/dead-letters.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';
import { noise, step } from '../../../support/sample-events.ts';

const quick = { attempts: 3, initialDelayMs: 1, maxDelayMs: 2 };

function setup() {
  const bad = new Set<string>();
  const actions = defineProjection({
    name: 'actions',
    aggregateType: 'agent',
    types: ['agent.step-recorded'],
    group: { of: () => 'all', values: ['all'] },
    evolve: (view: { seen: string[] } | undefined, { data: { action } }) => {
      if (bad.has(action)) throw new Error(`cannot take ${action}`);
      return { seen: [...(view?.seen ?? []), action] };
    },
  });
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const views = new MemoryViewStore();
  const projections = [actions];
  const projector = new Projector({ projections, store, views });
  const onParked = vi.fn();
  /** Appends one commit and delivers it. */
  const append = async (id: string, ...texts: string[]) => {
    const { toVersion } = await store.append(`agent-${id}`, texts.map(step), { expectedVersion: 'any' });
    const from = toVersion - texts.length + 1;
    const commits = await Array.fromAsync(store.commits(`agent-${id}`, { from }));
    return projector.applyOrPark(commits, quick, onParked);
  };
  const view = (id: string) => views.get('actions', LIVE_GENERATION, id);
  const deadLetters = new DeadLetters({ projections, store, views, live: () => LIVE_GENERATION });
  return { bad, store, views, projector, append, view, deadLetters, onParked };
}

const soon = () => new Date(Date.now() + 60_000);

describe('a stream with an event that its projection cannot take', () => {
  it('is parked behind the last commit that can be taken, and later commits wait', async () => {
    const { bad, append, view, deadLetters, onParked } = setup();
    bad.add('b');
    await append('1', 'a');
    expect(await append('1', 'x', 'b', 'y')).toEqual([]);
    expect(onParked).toHaveBeenCalledOnce();
    await append('1', 'c');
    await append('2', 'fine');
    expect(onParked).toHaveBeenCalledOnce();
    expect(await view('1')).toMatchObject({ version: 1, view: { seen: ['a'] } });
    expect(await view('2')).toMatchObject({ version: 1, view: { seen: ['fine'] } });
    const letters = await Array.fromAsync(deadLetters.list());
    expect(letters).toMatchObject([{ id: 'actions:agent-1', stream: 'agent-1', applied: 1, parked: { version: 3 } }]);
    expect(letters[0]?.parked.attempts.map(({ error }) => error)).toEqual(Array(3).fill('Error: cannot take b'));
  });

  it('catches up in order when it is redriven', async () => {
    const { bad, append, view, deadLetters } = setup();
    bad.add('b');
    for (const text of ['a', 'b', 'c', 'd']) await append('1', text);
    const id = 'actions:agent-1';
    expect(await deadLetters.preview(id)).toMatchObject({ from: 1, to: 1, parked: { version: 2 } });
    bad.clear();
    expect(await deadLetters.preview(id)).toEqual({ id, from: 1, to: 4 });
    expect(await view('1')).toMatchObject({ version: 1, parked: { version: 2 } });
    expect(await deadLetters.redrive(id)).toEqual({ id, from: 1, to: 4 });
    expect(await view('1')).toEqual(expect.objectContaining({ version: 4, view: { seen: ['a', 'b', 'c', 'd'] } }));
    expect((await view('1'))?.parked).toBeUndefined();
    await expect(deadLetters.redrive(id)).rejects.toThrow(NotFoundError);
    await append('1', 'e');
    expect(await view('1')).toMatchObject({ version: 5 });
  });

  it('waits to be redriven, also when its events could be taken by now', async () => {
    const { bad, append, view } = setup();
    bad.add('b');
    for (const text of ['a', 'b']) await append('1', text);
    bad.clear();
    await append('1', 'c');
    expect(await view('1')).toMatchObject({ version: 1, view: { seen: ['a'] }, parked: { version: 2 } });
  });

  it('is parked again where it fails again, with its earlier attempts', async () => {
    const { bad, append, view, deadLetters } = setup();
    bad.add('b');
    for (const text of ['a', 'b', 'c', 'd']) await append('1', text);
    bad.delete('b');
    bad.add('d');
    const result = await deadLetters.redrive('actions:agent-1');
    expect(result).toMatchObject({ from: 1, to: 3, parked: { version: 4, error: 'Error: cannot take d' } });
    const stored = await view('1');
    expect(stored).toMatchObject({ version: 3, view: { seen: ['a', 'b', 'c'] }, parked: result.parked });
    expect(stored?.parked?.attempts).toHaveLength(4);
    await append('1', 'e');
    expect(await view('1')).toMatchObject({ version: 3 });
  });

  it('loses no commit that comes while it is redriven', async () => {
    const { bad, append, view, views, deadLetters } = setup();
    bad.add('b');
    for (const text of ['a', 'b']) await append('1', text);
    bad.clear();
    const put = views.put.bind(views);
    let n = 0;
    // Before and after each write of the redrive another commit is appended and delivered.
    vi.spyOn(views, 'put').mockImplementation(async (...args) => {
      if (!args[2] || n >= 6) return put(...args);
      await append('1', `during ${n++}`);
      const written = await put(...args);
      await append('1', `during ${n++}`);
      return written;
    });
    await deadLetters.redrive('actions:agent-1');
    const seen = ['a', 'b', ...Array.from({ length: n }, (_, index) => `during ${index}`)];
    expect(n).toBeGreaterThan(2);
    expect(await view('1')).toMatchObject({ version: seen.length, view: { seen } });
    expect((await view('1'))?.parked).toBeUndefined();
  });

  it('is still a dead letter when the redrive was cut short, and a repeat finishes it', async () => {
    const { bad, append, view, views, deadLetters } = setup();
    bad.add('b');
    for (const text of ['a', 'b', 'c']) await append('1', text);
    bad.clear();
    const put = views.put.bind(views);
    const cut = vi.spyOn(views, 'put').mockImplementationOnce(put).mockRejectedValueOnce(new UnavailableError('gone'));
    await expect(deadLetters.redrive('actions:agent-1')).rejects.toThrow(UnavailableError);
    cut.mockRestore();
    expect(await Array.fromAsync(deadLetters.list('actions'))).toHaveLength(1);
    expect(await deadLetters.redrive('actions:agent-1')).toMatchObject({ to: 3 });
    expect(await view('1')).toMatchObject({ view: { seen: ['a', 'b', 'c'] } });
  });

  it('is parked at its first event when nothing of it can be taken', async () => {
    const { bad, append, view, deadLetters } = setup();
    bad.add('a');
    await append('1', 'a');
    await append('1', 'b');
    expect(await view('1')).toMatchObject({ version: 0, view: undefined, parked: { version: 1 } });
    bad.clear();
    expect(await deadLetters.redrive('actions:agent-1')).toEqual({ id: 'actions:agent-1', from: 0, to: 2 });
  });

  it('is parked when its view grows too large to be stored, with the view before that', async () => {
    const { append, view, deadLetters } = setup();
    await append('1', noise(200_000));
    await append('1', noise(200_000));
    expect(await view('1')).toMatchObject({ version: 1, parked: { version: 2 } });
    const [letter] = await Array.fromAsync(deadLetters.list());
    expect(letter?.parked.error).toMatch(/PayloadTooLargeError.*the limit is/);
  });

  it('is not parked for an outage: the commit has to come again', async () => {
    const { append, view, views, onParked } = setup();
    vi.spyOn(views, 'put').mockRejectedValueOnce(new UnavailableError('no storage'));
    expect(await append('1', 'a')).toMatchObject([{ stream: 'agent-1', error: expect.any(UnavailableError) }]);
    expect(onParked).not.toHaveBeenCalled();
    expect(await view('1')).toBeUndefined();
  });
});

describe('all dead letters', () => {
  it('are redriven stream by stream up to a limit, with the result of each', async () => {
    const { bad, append, deadLetters } = setup();
    for (const text of ['x', 'y']) bad.add(text);
    for (const id of ['1', '2', '3']) await append(id, id === '2' ? 'y' : 'x');
    bad.delete('x');
    const options = { limit: 10, deadline: soon(), preview: true };
    const preview = await deadLetters.redriveAll(options);
    expect(preview.results.map(({ id, parked }) => [id, parked !== undefined])).toEqual([
      ['actions:agent-1', false],
      ['actions:agent-2', true],
      ['actions:agent-3', false],
    ]);
    expect(await Array.fromAsync(deadLetters.list())).toHaveLength(3);
    const first = await deadLetters.redriveAll({ ...options, limit: 1, preview: false });
    expect(first).toEqual({ results: [{ id: 'actions:agent-1', from: 0, to: 1 }], more: true });
    const rest = await deadLetters.redriveAll({ ...options, preview: false, projection: 'actions' });
    expect(rest).toMatchObject({ results: [{ id: 'actions:agent-2' }, { id: 'actions:agent-3', to: 1 }], more: false });
    expect((await Array.fromAsync(deadLetters.list())).map(({ id }) => id)).toEqual(['actions:agent-2']);
    expect(await deadLetters.redriveAll({ ...options, deadline: new Date(0) })).toEqual({ results: [], more: true });
  });

  it('are found by names that exist, and by no others', async () => {
    const { deadLetters } = setup();
    await expect(Array.fromAsync(deadLetters.list('nothing'))).rejects.toThrow(
      /no projection nothing; there are actions/,
    );
    for (const id of ['actions:agent-1', 'nothing:agent-1', 'agent-1', 'bus:agent-1']) {
      await expect(deadLetters.get(id)).rejects.toThrow(NotFoundError);
    }
  });
});
