import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../../core/base/errors.ts';
import type { ReplayScope } from '../../../../core/replays/replay.ts';
import { actions, drive, replayStage } from '../../../support/replay-stage.ts';

const whole: ReplayScope = {};
const rebuild = (replayId: string, projection = 'actions') => ({
  replayId,
  projection,
  scope: whole,
  switchWhenReady: true,
});
const replayOf = (replayId: string, scope: ReplayScope) => ({
  replayId,
  projection: 'actions',
  scope,
  switchWhenReady: false,
});

/** A stage with two agents, live and logged. */
async function lived(options: Parameters<typeof replayStage>[0] = {}) {
  const stage = replayStage(options);
  for (const [id, ...texts] of [
    ['1', 'a', 'b'],
    ['2', 'x'],
    ['1', 'c'],
  ] as const) {
    const commit = await stage.append(id, ...texts);
    stage.log.append(commit);
    await stage.projector.apply([commit]);
  }
  return stage;
}

describe('a rebuild', () => {
  it('makes a new generation from the log, and switches to it when it has all events of the live generation', async () => {
    const { replays, work, generations, view } = await lived();
    const requested = await replays.request(rebuild('r1'));
    expect(requested).toMatchObject({ state: 'running', generation: 2, replaces: 1 });
    expect(await generations.live('actions')).toBe(1);
    expect(await view('1', 2)).toBeUndefined();
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({ state: 'switched', events: 4, total: 4, failed: 0 });
    expect(await generations.read('actions')).toEqual({ live: 2, last: 2 });
    for (const id of ['1', '2']) expect((await view(id, 2))?.view).toEqual((await view(id, 1))?.view);
  });

  it('removes the generation that it replaced, and only that', async () => {
    const { replays, work, view } = await lived();
    await replays.request(rebuild('r1'));
    await drive(work, 'r1');
    expect(await work.next('r1')).toEqual({ step: 'remove' });
    await work.remove('r1');
    expect(await work.next('r1')).toEqual({ step: 'none' });
    for (const id of ['1', '2']) {
      expect(await view(id, 1)).toBeUndefined();
      expect(await view(id, 2)).toBeDefined();
    }
  });

  it('has the live commits that come meanwhile, though its log has them not', async () => {
    const { replays, work, projector, append, view } = await lived();
    await replays.request(rebuild('r1'));
    await projector.apply([await append('1', 'd')]);
    await projector.apply([await append('3', 'new')]);
    await drive(work, 'r1');
    expect((await view('1', 2))?.view).toEqual({ seen: ['a', 'b', 'c', 'd'] });
    expect((await view('3', 2))?.view).toEqual({ seen: ['new'] });
  });

  it('reads the commits that a process with old pointers wrote to the live generation alone', async () => {
    const { replays, work, projector: _, process, append, view } = await lived();
    const stale = process(Number.POSITIVE_INFINITY);
    await stale.generations.live('actions');
    await replays.request(rebuild('r1'));
    await stale.projector.apply([await append('2', 'unseen')]);
    expect(await view('2', 2)).toBeUndefined();
    await drive(work, 'r1');
    expect((await view('2', 2))?.view).toEqual({ seen: ['x', 'unseen'] });
    expect(await replays.get('r1')).toMatchObject({ state: 'switched' });
  });

  it('waits until every process must have learned of it, and looks at the log once more', async () => {
    let now = Date.parse('2026-01-05T09:00:00Z');
    const { replays, work, append, log } = await lived({ settleMs: 5_000, now: () => new Date(now) });
    await replays.request(rebuild('r1'));
    const next = await work.next('r1');
    if (next.step === 'read') for (const range of next.ranges) await work.read('r1', range);
    now += 2_000;
    expect(await work.next('r1')).toEqual({ step: 'wait', ms: 3_000 });
    log.append(await append('4', 'late'));
    now += 3_000;
    expect(await work.next('r1')).toEqual({ step: 'read', ranges: [{ partition: 'all', from: 4, to: 4 }] });
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({ state: 'switched', total: 5 });
  });

  it('is refused during another replay of the projection, and names that replay', async () => {
    const { replays, work, control } = await lived({ projections: [actions, { ...actions, name: 'other' }] });
    await replays.request(rebuild('r1'));
    await expect(replays.request(rebuild('r2'))).rejects.toThrow(
      /generation 2 beside the live generation, from replay r1/,
    );
    await expect(replays.request(rebuild('r2'))).rejects.toThrow(CommandRejectedError);
    expect(await control.get('replay', 'r2')).toBeUndefined();
    await replays.request(rebuild('r3', 'other'));
    await drive(work, 'r1');
    expect(await replays.request(rebuild('r2'))).toMatchObject({ generation: 3, replaces: 2 });
  });

  it('is carried out once when many are requested at once', async () => {
    const { process, generations } = await lived();
    const asked = Array.from({ length: 6 }, (_, n) => process().replays.request(rebuild(`r${n}`)));
    const results = await Promise.allSettled(asked);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await generations.read('actions')).last).toBe(2);
  });

  it('is the same replay when it is requested again', async () => {
    const { replays, started, generations } = await lived();
    const first = await replays.request(rebuild('r1'));
    expect(await replays.request(rebuild('r1'))).toEqual(first);
    expect((await generations.read('actions')).last).toBe(2);
    expect(started).toEqual(['r1', 'r1']);
    await expect(replays.request(rebuild('r9', 'nope'))).rejects.toThrow(NotFoundError);
  });
});

describe('a rebuild that fails', () => {
  const poisonous = (fails: () => boolean) => ({
    ...actions,
    evolve: (...[view, event]: Parameters<typeof actions.evolve>) => {
      if (fails() && event.data.action === 'b') throw new Error('cannot take b');
      return actions.evolve(view, event);
    },
  });

  it('leaves the live generation as it is, says why, and can be resumed once that is corrected', async () => {
    let broken = false;
    const { replays, work, generations, view } = await lived({ projections: [poisonous(() => broken)] });
    const before = await view('1', 1);
    broken = true;
    await replays.request(rebuild('r1'));
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({
      ...{ state: 'failed', failed: 1, failures: [{ stream: 'agent-1', message: 'cannot take b' }] },
      reason: expect.stringMatching(/agent-1 could not be applied: cannot take b/),
    });
    expect(await generations.live('actions')).toBe(1);
    expect(await view('1', 1)).toEqual(before);
    broken = false;
    await replays.resume('r1');
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({ state: 'switched', failed: 0, failures: [] });
    expect((await view('1', 2))?.view).toEqual({ seen: ['a', 'b', 'c'] });
  });

  it('can be discarded: its views go, the live ones stay', async () => {
    let broken = false;
    const { replays, work, generations, view } = await lived({ projections: [poisonous(() => broken)] });
    broken = true;
    await replays.request(rebuild('r1'));
    await drive(work, 'r1');
    expect(await view('2', 2)).toBeDefined();
    expect(await replays.discard('r1')).toMatchObject({ state: 'discarded' });
    await work.remove('r1');
    expect(await view('2', 2)).toBeUndefined();
    expect(await view('2', 1)).toBeDefined();
    expect(await generations.read('actions')).toEqual({ live: 1, last: 2 });
  });

  it('is still switched to when the live view fails at the same event', async () => {
    const { replays, work } = await lived({ projections: [poisonous(() => true)] });
    await replays.request(rebuild('r1'));
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({ state: 'switched', failed: 0 });
  });
});

describe('a replay', () => {
  it('pauses after its present batch and continues at its place', async () => {
    const { replays, work } = await lived();
    await replays.request(replayOf('r1', whole));
    const next = await work.next('r1');
    if (next.step !== 'read' || !next.ranges[0]) throw new Error('there is something to read');
    await work.read('r1', next.ranges[0]);
    expect(await replays.pause('r1')).toMatchObject({ state: 'paused', events: 3 });
    expect(await work.next('r1')).toEqual({ step: 'none' });
    await work.read('r1', next.ranges[1] ?? next.ranges[0]);
    expect(await replays.get('r1')).toMatchObject({ state: 'paused', events: 3 });
    await replays.resume('r1');
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({ state: 'ready', events: 4 });
  });

  it('of everything waits to be switched to, with every live commit in it', async () => {
    const { replays, work, projector, append, generations, view } = await lived();
    await replays.request(replayOf('r1', whole));
    await drive(work, 'r1');
    expect(await generations.live('actions')).toBe(1);
    await projector.apply([await append('1', 'd')]);
    await replays.switchTo('r1');
    expect(await generations.live('actions')).toBe(2);
    expect((await view('1', 2))?.view).toEqual({ seen: ['a', 'b', 'c', 'd'] });
  });

  it('of a time holds the events recorded then, and no others', async () => {
    let minute = 0;
    const at = (n: number) => new Date(Date.parse('2026-01-05T09:00:00Z') + n * 60_000);
    const stage = replayStage({ now: () => at(minute) });
    for (const [n, id, text] of [
      [1, '1', 'a'],
      [2, '1', 'b'],
      [3, '2', 'x'],
      [4, '1', 'c'],
      [5, '1', 'd'],
    ] as const) {
      minute = n;
      stage.log.append(await stage.append(id, text));
    }
    minute = 10;
    await stage.replays.request(replayOf('r1', { from: at(2).toISOString(), to: at(4).toISOString() }));
    await stage.projector.apply([await stage.append('1', 'live')]);
    await drive(stage.work, 'r1');
    expect(await stage.view('1', 2)).toMatchObject({ version: 3, view: { seen: ['b', 'c'] } });
    expect(await stage.view('2', 2)).toMatchObject({ view: { seen: ['x'] } });
  });

  it('of a part is switched to only with acceptPart, and then continues with later events', async () => {
    const { replays, work, projector, append, generations, view } = await lived();
    await replays.request(replayOf('r1', { types: ['agent.created'] }));
    await drive(work, 'r1');
    expect(await replays.get('r1')).toMatchObject({ state: 'ready' });
    await expect(replays.switchTo('r1')).rejects.toThrow(/has only a part of the events/);
    expect(await generations.live('actions')).toBe(1);
    expect(await replays.switchTo('r1', { acceptPart: true })).toMatchObject({ state: 'switched' });
    expect(await generations.live('actions')).toBe(2);
    await projector.apply([await append('9', 'later')]);
    expect(await view('9', 2)).toMatchObject({ view: { seen: ['later'] } });
  });

  it('is not moved where its state does not allow it', async () => {
    const { replays, work } = await lived();
    await replays.request(replayOf('r1', whole));
    await expect(replays.switchTo('r1')).rejects.toThrow(/r1 is running/);
    await drive(work, 'r1');
    await expect(replays.pause('r1')).rejects.toThrow(/r1 is ready, so it cannot be paused/);
    await expect(replays.resume('r1')).rejects.toThrow(CommandRejectedError);
    await replays.switchTo('r1');
    await expect(replays.discard('r1')).rejects.toThrow(/is live/);
    await expect(replays.get('r7')).rejects.toThrow(NotFoundError);
  });
});
