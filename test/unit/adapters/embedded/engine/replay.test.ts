import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEngine, type Engine } from '../../../../../adapters/embedded/engine/engine.ts';
import type { AnyProjection } from '../../../../../core/projections/projection.ts';
import { catalogue } from '../../../../support/application.ts';
import { actions } from '../../../../support/replay-stage.ts';
import { steps } from '../../../../support/sample-events.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const parent = temporaryFolder();
let folders = 0;
const opened = new Set<Engine>();

function open(dataDir = join(parent, `${++folders}`), projection: AnyProjection = actions) {
  const logger = { warn: vi.fn(), error: vi.fn() };
  const retryPolicy = { attempts: 2, initialDelayMs: 1, maxDelayMs: 2 };
  const engine = createEngine({ catalogue, dataDir, projections: [projection], logger, retryPolicy });
  opened.add(engine);
  const close = async () => {
    opened.delete(engine);
    await engine.close();
  };
  const until = (replayId: string, state: string) =>
    vi.waitFor(async () => expect(await engine.replays.get(replayId)).toMatchObject({ state }), {
      timeout: 20_000,
      interval: 2,
    });
  const append = (id: number, count: number) =>
    engine.store.append(`agent-${id}`, steps(count), { expectedVersion: 'any' });
  const caughtUp = () =>
    vi.waitFor(async () => expect(await engine.projectionStatus()).toMatchObject([{ lag: 0 }]), { timeout: 20_000 });
  return { engine, dataDir, logger, close, until, append, caughtUp };
}

afterEach(async () => {
  await Promise.all([...opened].map((engine) => engine.close()));
  opened.clear();
});

const rebuild = (replayId: string) => ({ replayId, projection: 'actions', scope: {}, switchWhenReady: true });

/** Every view of the live generation is the fold of its stream. */
async function expectWhole({ store, views, generations }: Engine, ids: number): Promise<void> {
  const live = await generations.live('actions');
  for (let id = 0; id < ids; id++) {
    const events = await Array.fromAsync(store.read(`agent-${id}`));
    const seen = events.map(({ data }) => (data as { action: string }).action);
    expect((await views.get('actions', live, `${id}`))?.view, `agent ${id}`).toEqual({ seen });
  }
}

describe('a rebuild on one machine', () => {
  it('runs beside live writes, and ends with the views that the streams lead to', async () => {
    const { engine, append, until, caughtUp } = open();
    engine.start();
    for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 50 }, (_, id) => append(id, 2)));
    await engine.replays.request(rebuild('r1'));
    for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 55 }, (_, id) => append(id, 1)));
    await until('r1', 'switched');
    await caughtUp();
    expect(await engine.generations.live('actions')).toBe(2);
    await expectWhole(engine, 55);
    expect((await engine.projectionStatus())[0]).toMatchObject({ generation: 2 });
  });

  it('that was interrupted goes on after the next start', async () => {
    const first = open();
    first.engine.start();
    for (let n = 0; n < 40; n++) await Promise.all(Array.from({ length: 200 }, (_, id) => first.append(id, 1)));
    await first.caughtUp();
    await first.engine.replays.request(rebuild('r1'));
    await vi.waitFor(async () => expect((await first.engine.replays.get('r1')).events).toBeGreaterThan(0), {
      timeout: 20_000,
      interval: 1,
    });
    await first.close();

    const second = open(first.dataDir);
    const { events, state } = await second.engine.replays.get('r1');
    expect(events).toBe(5_000); // the first range; the second was in work, or not begun
    expect(state).toBe('running');
    expect(await second.engine.generations.live('actions')).toBe(1);
    second.engine.start();
    await second.until('r1', 'switched');
    expect((await second.engine.replays.get('r1')).events).toBe(8_000);
    await expectWhole(second.engine, 200);
  });

  it('removes the old views when no request reads them any more', async () => {
    const { engine, append, until, caughtUp } = open();
    engine.start();
    await append(1, 3);
    await caughtUp();
    await engine.replays.request(rebuild('r1'));
    await until('r1', 'switched');
    await vi.waitFor(async () => expect(await engine.views.get('actions', 1, '1')).toBeUndefined(), { timeout: 5_000 });
    expect(await engine.views.get('actions', 2, '1')).toBeDefined();
  });

  it('that fails leaves the live views unchanged, and finishes when it is resumed', async () => {
    let broken = false;
    const fragile: AnyProjection = {
      ...actions,
      evolve: (...[view, event]: Parameters<typeof actions.evolve>) => {
        if (broken) throw new Error('a bug in the new code');
        return actions.evolve(view, event);
      },
    };
    const { engine, append, until, caughtUp } = open(undefined, fragile);
    engine.start();
    await append(0, 3);
    await caughtUp();
    broken = true;
    await engine.replays.request(rebuild('r1'));
    await until('r1', 'failed');
    expect((await engine.replays.get('r1')).reason).toContain('a bug in the new code');
    await expectWhole(engine, 1);
    expect(await engine.generations.live('actions')).toBe(1);
    broken = false;
    await engine.replays.resume('r1');
    await until('r1', 'switched');
    await expectWhole(engine, 1);
  });
});
