import { describe, expect, it } from 'vitest';
import { CommandRejectedError, UnavailableError } from '../../../../core/base/errors.ts';
import type { Replay } from '../../../../core/replays/replay.ts';
import { drive, replayStage } from '../../../support/replay-stage.ts';

type Stage = ReturnType<typeof replayStage>;
type Moment = 'before' | 'after';

/** A stage whose process dies at a call: before its effect, or after it and before anybody hears of it. */
function mortalStage() {
  let fatal = Number.POSITIVE_INFINITY;
  let moment: Moment = 'before';
  let calls = 0;
  /** The executions that a state machine has been started for. */
  const machines = new Set<string>();
  const fate = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const call = ++calls;
    if (call > fatal || (call === fatal && moment === 'before')) throw new UnavailableError('the process is dead');
    const result = await work();
    if (call === fatal) throw new UnavailableError('the process is dead');
    return result;
  };
  const around = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name === 'pages' || name === 'keys') return value.bind(target);
        return (...args: unknown[]) => fate(() => value.apply(target, args));
      },
    });
  const stage = replayStage({ around, onStart: (own: Replay) => fate(() => void machines.add(own.replayId)) });
  return {
    stage,
    machines,
    /** Makes the process die at its n-th call from here. @returns whether it did */
    async dieAt(n: number, when: Moment, work: () => Promise<unknown>): Promise<boolean> {
      [fatal, moment, calls] = [n, when, 0];
      try {
        await work();
        return calls >= n;
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        return true;
      } finally {
        fatal = Number.POSITIVE_INFINITY;
      }
    },
  };
}

type MortalStage = ReturnType<typeof mortalStage>;

/** What goes on by itself after the death: all replays on one machine, those with a state machine on AWS. */
const hosts = {
  'one machine': async ({ stage }: MortalStage) => {
    const { replays } = await stage.replays.list({ limit: 100 });
    return replays.map(({ replayId }) => replayId);
  },
  AWS: async ({ machines }: MortalStage) => [...machines],
};

/** A new process, in which what goes on by itself has come to its end. */
async function restarted(mortal: MortalStage, host: keyof typeof hosts): Promise<ReturnType<Stage['process']>> {
  const process = mortal.stage.process();
  for (const replayId of await hosts[host](mortal)) {
    await drive(process.work, replayId);
    if ((await process.work.next(replayId)).step === 'remove') await process.work.remove(replayId);
  }
  return process;
}

const rebuild = (replayId: string) => ({ replayId, projection: 'actions', scope: {}, switchWhenReady: true });
const part = (replayId: string) => ({ ...rebuild(replayId), switchWhenReady: false });

/** What a process dies of, after what has been done before. */
const works: Record<string, { before?: (stage: Stage) => Promise<unknown>; work: (stage: Stage) => Promise<unknown> }> =
  {
    'it is requested': { work: ({ replays }) => replays.request(rebuild('r1')) },
    'it is carried out': {
      before: ({ replays }) => replays.request(rebuild('r1')),
      work: ({ work }) => drive(work, 'r1'),
    },
    'it is discarded': {
      before: ({ replays }) => replays.request(rebuild('r1')),
      work: ({ replays }) => replays.discard('r1'),
    },
    'it is resumed': {
      before: async ({ replays }) => {
        await replays.request(rebuild('r1'));
        await replays.pause('r1');
      },
      work: ({ replays }) => replays.resume('r1'),
    },
    'it is switched to': {
      before: async ({ replays, work }) => {
        await replays.request(part('r1'));
        await drive(work, 'r1');
      },
      work: ({ replays }) => replays.switchTo('r1'),
    },
    'what it replaced is removed': {
      before: async ({ replays, work }) => {
        await replays.request(rebuild('r1'));
        await drive(work, 'r1');
      },
      work: ({ work }) => work.remove('r1'),
    },
  };

async function lived(): Promise<MortalStage> {
  const mortal = mortalStage();
  const { append, log, projector } = mortal.stage;
  for (const id of ['1', '2', '1']) {
    const commit = await append(id, `${id} did it`);
    log.append(commit);
    await projector.apply([commit]);
  }
  return mortal;
}

/** An operator asks for a rebuild until there is one, and looks after the replay that is said to be in the way. */
async function rebuiltAtLast(mortal: MortalStage, host: keyof typeof hosts): Promise<void> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { replays } = await restarted(mortal, host);
    const refused = await replays.request(rebuild('r2')).catch((error: unknown) => error);
    if (refused instanceof CommandRejectedError) {
      const blocking = await replays.find('r1');
      if (blocking?.state === 'paused' || blocking?.state === 'ready') await replays.discard('r1');
      continue;
    }
    await restarted(mortal, host);
    return;
  }
}

describe.each(Object.keys(hosts) as (keyof typeof hosts)[])('on %s, a process that dies at any call', (host) => {
  it.each(Object.entries(works))('while %s leaves a projection that can be rebuilt', async (_, { before, work }) => {
    let deaths = 0;
    for (const moment of ['before', 'after'] as const) {
      for (let call = 1; ; call++) {
        const mortal = await lived();
        await before?.(mortal.stage);
        if (!(await mortal.dieAt(call, moment, () => work(mortal.stage)))) break;
        deaths++;
        await rebuiltAtLast(mortal, host);
        const { generations, view, replays } = mortal.stage;
        const at = `died ${moment} call ${call}`;
        expect(await replays.find('r2'), at).toMatchObject({ state: 'switched' });
        const { live, building } = await generations.read('actions');
        expect(building, at).toBeUndefined();
        expect(live, at).toBeGreaterThan(1);
        expect((await view('1', live))?.view, at).toEqual({ seen: ['1 did it', '1 did it'] });
        expect((await view('2', live))?.view, at).toEqual({ seen: ['2 did it'] });
      }
    }
    expect(deaths).toBeGreaterThan(3);
  });

  it('during its request leaves a replay that the same request or a resume continues', async () => {
    for (const again of ['request', 'resume'] as const) {
      for (let call = 1; ; call++) {
        const mortal = await lived();
        if (!(await mortal.dieAt(call, 'after', () => mortal.stage.replays.request(rebuild('r1'))))) break;
        const { replays, work } = mortal.stage.process();
        if (again === 'resume' && (await replays.find('r1')) === undefined) continue;
        if (again === 'request') await replays.request(rebuild('r1'));
        else await replays.resume('r1');
        expect(mortal.machines).toContain('r1');
        await drive(work, 'r1');
        expect(await replays.get('r1'), `${again} after call ${call}`).toMatchObject({ state: 'switched' });
      }
    }
  });

  it('during its switch leaves a replay whose replaced views are still removed', async () => {
    for (let call = 1; ; call++) {
      const mortal = await lived();
      await works['it is switched to']?.before?.(mortal.stage);
      mortal.machines.clear();
      if (!(await mortal.dieAt(call, 'before', () => mortal.stage.replays.switchTo('r1')))) break;
      await mortal.stage.process().replays.switchTo('r1');
      await restarted(mortal, host);
      expect(await mortal.stage.view('1', 1), `died before call ${call}`).toBeUndefined();
    }
  });
});
