import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UnavailableError } from '../../../../core/base/errors.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import { decodeCommit } from '../../../../core/store/commit.ts';
import { catalogue } from '../../../support/application.ts';
import { actions, drive, replayStage, tallies } from '../../../support/replay-stage.ts';

/** More runs for a longer look: `ANNALS_SEEDS=5000 npx vitest run test/unit/core/replays/replay.property.test.ts`. */
const RUNS = Number(process.env['ANNALS_SEEDS'] ?? 100);

/** What a process knows of pointers stays as it is until the replay waits: then all that it has in work ends first. */
const MAX_AGE_MS = 1_000;
const SETTLE_MS = 1_500;
/** A process dies at most as often as there are crashes; a rebuild that is not through after so many turns never is. */
const MAX_ROUNDS = 300;

interface Weather {
  readonly scheduler: fc.Scheduler;
  /** Twice the number of a call that dies before it does anything; one more: after. */
  readonly crashes: ReadonlySet<number>;
}

/** Storage whose calls end in any order, and some of which take the process with them. */
function stormy({ scheduler, crashes }: Weather) {
  let calls = 0;
  let now = Date.parse('2026-01-05T09:00:00Z');
  const around = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== 'function') return own;
        if (name === 'pages') return own.bind(target);
        return async (...given: unknown[]) => {
          await scheduler.schedule(Promise.resolve(), String(name));
          const call = calls++;
          if (crashes.has(2 * call)) throw new UnavailableError('died before the call');
          const result: unknown = await own.apply(target, given);
          if (crashes.has(2 * call + 1)) throw new UnavailableError('died after the call');
          return result;
        };
      },
    });
  const wait = (ms: number) => {
    now += ms;
  };
  return { around, now: () => new Date(now), wait, pass: () => scheduler.schedule(Promise.resolve(), 'pause') };
}

/** Does it again, with new caches, until it is through. */
async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}

/** What the views of a generation ought to be, and what they are. */
interface Outcome {
  readonly expected: unknown;
  readonly actual: unknown;
}

async function single(stage: ReturnType<typeof replayStage>, ids: readonly string[]): Promise<Outcome> {
  const expected = new Map<string, unknown>();
  const actual = new Map<string, unknown>();
  for (const id of ids) {
    const seen = await actionsOf(stage, id);
    expected.set(id, seen.length > 0 ? { seen } : undefined);
    actual.set(id, (await stage.view(id, 2))?.view);
  }
  return { expected, actual };
}

async function shared(stage: ReturnType<typeof replayStage>, ids: readonly string[]): Promise<Outcome> {
  const all = await Promise.all(ids.map((id) => actionsOf(stage, id)));
  const steps = all.flat().length;
  const positions = all.reduce((sum, { length }) => sum + (length * (length + 1)) / 2, 0);
  const expected = new Map([
    ['/steps', steps],
    ['/positions', positions],
    ...all.flat().map((action) => [`/actions/${action}`, 1] as const),
  ]);
  const actual = await stage.sharedViews.read({ projection: 'tallies', generation: 2 }, 'all');
  return { expected: steps > 0 ? expected : undefined, actual };
}

async function actionsOf(stage: ReturnType<typeof replayStage>, id: string): Promise<string[]> {
  const events = (await stage.commitsOf(`agent-${id}`)).flatMap((commit) => decodeCommit(commit, catalogue));
  return events.map(({ data }) => (data as { action: string }).action);
}

const kinds = [
  { kind: 'fed by one stream', projection: actions, outcome: single },
  { kind: 'fed by many streams', projection: tallies, outcome: shared },
];

it.each(kinds)(
  'a rebuild of views $kind that races live writes and dies at any call ends in the fold of the streams, and no reader sees a view go back',
  async ({ projection, outcome }) => {
    const ids = ['1', '2', '3'];
    const appends = fc.array(fc.tuple(fc.constantFrom(...ids), fc.integer({ min: 1, max: 3 })), { maxLength: 10 });
    const crashes = fc.array(fc.nat({ max: 300 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), crashes, appends, appends, async (scheduler, dead, before, during) => {
        const weather = stormy({ scheduler, crashes: new Set(dead) });
        const { name } = projection;
        const stage = replayStage({
          projections: [projection],
          settleMs: SETTLE_MS,
          now: weather.now,
          around: weather.around,
        });
        let text = 0;
        const append = (id: string, count: number) =>
          stage.append(id, ...Array.from({ length: count }, () => `${text++}`));
        let live = stage.process(MAX_AGE_MS);
        const deliver = (commits: readonly Commit[]) =>
          untilDone(async () => {
            try {
              for (const { error } of await live.projector.apply(commits)) throw error;
            } catch (error) {
              live = stage.process(MAX_AGE_MS);
              throw error;
            }
          });

        const writing = async () => {
          for (const [id, count] of before) {
            const commit = await append(id, count);
            stage.log.append(commit);
            await deliver([commit]);
          }
          const logged: Commit[] = [];
          for (const [id, count] of during) {
            const commit = await append(id, count);
            logged.push(commit);
            inWork = deliver([commit]);
            await Promise.all([inWork, weather.pass()]);
            if (logged.length > 1) stage.log.append(...logged.splice(0, 1));
          }
        };
        let inWork: Promise<unknown> = Promise.resolve();
        let rounds = 0;
        const rebuilding = async () => {
          await weather.pass();
          const request = { replayId: 'r1', projection: name, scope: {}, switchWhenReady: true };
          await untilDone(() => stage.process().replays.request(request));
          for (;;) {
            await untilDone(() => drive(stage.process().work, 'r1'));
            const next = await untilDone(() => stage.process().work.next('r1'));
            if (next.step === 'remove') return;
            if (next.step === 'wait') {
              await inWork;
              weather.wait(next.ms);
            }
            if (rounds++ > MAX_ROUNDS) throw new Error(`the rebuild does not get on: ${JSON.stringify(next)}`);
          }
        };
        const seen = new Map<string, number>();
        const look = async () => {
          const { live: generation } = await stage.process().generations.read(name);
          for (const id of ids) {
            const version = (await stage.view(id, generation, name))?.version ?? 0;
            expect(version).toBeGreaterThanOrEqual(seen.get(id) ?? 0);
            seen.set(id, version);
          }
        };
        let over = false;
        const reading = async () => {
          while (!over) {
            await untilDone(look);
            await weather.pass();
          }
        };
        const ends = Promise.all([writing(), rebuilding()]).finally(() => {
          over = true;
        });
        await scheduler.waitFor(Promise.all([ends, reading()]));

        await scheduler.waitFor(untilDone(look));
        const { expected, actual } = await outcome(stage, ids);
        expect(actual).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  },
);
