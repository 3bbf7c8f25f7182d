import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError, ValidationError } from '../../../../core/base/errors.ts';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { type ApprovalCommand, approvalDecider, approvalIdOf } from '../../../../core/sagas/approvals.ts';
import { approve, signal } from '../../../../core/sagas/gates.ts';
import { handleCommand } from '../../../../core/state/decider.ts';
import { workflowDecider } from '../../../../domain/workflow/workflow.ts';
import { endOfSaga } from '../../../../testing/simulation/check-sagas.ts';
import { gatedSaga } from '../../../support/gated-saga.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { RunnerWorld, type World, type WorldOfSagas } from '../../../support/saga-world.ts';

const strict = gatedSaga('fail');
const lenient = gatedSaga('approve');
const SAGA = 'gated-fail:w-1';
const LENIENT = 'gated-approve:w-1';
const HOSTS = [
  ['one machine', RunnerWorld],
  ['AWS', MachineWorld],
] as const;
type Host = new (sagas: (typeof strict)[], world: World) => WorldOfSagas;

/** A workflow begins, with a saga of each kind. */
async function begun(host: Host, crashes: World['crashes'] = () => undefined) {
  const world = new host([strict, lenient], { crashes, stubborn: new Map() });
  const workflow = { kind: 'start', workflowType: 'x', initiatedBy: 'me', parameters: {} } as const;
  await handleCommand(world.store, workflowDecider, 'w-1', workflow);
  const at = { now: () => new Date(world.now) };
  return {
    world,
    prepare: () => handleCommand(world.store, workflowDecider, 'w-1', prepared, at),
    decide: (decision: 'approve' | 'refuse', sagaId = SAGA, who = 'Ada') => {
      const command: ApprovalCommand = { kind: 'decide', decision, who, why: 'looks right' };
      return handleCommand(world.store, approvalDecider, approvalIdOf(sagaId, 'release'), command, at);
    },
    signal: (payload: { parcel: string }, sagaId = SAGA) =>
      world.execution.take(sagaId, { kind: 'signal', name: 'delivered', payload }),
    pass: async (seconds: number) => {
      await world.settle();
      world.now += seconds * 1_000;
      await world.settle();
    },
    events: (stream: string) => Array.fromAsync(world.store.read(stream)),
    types: async (stream: string) => (await Array.fromAsync(world.store.read(stream))).map(({ type }) => type),
  };
}
const prepared = { kind: 'complete-step', stepId: 'plan', stepType: 'plan', output: null } as const;
const parcel = { parcel: '42' };

describe.each(HOSTS)('a saga that waits for a person and for a signal, on %s', (_, host) => {
  it('goes on after the approval and after the signal, and keeps both answers', async () => {
    const { world, prepare, decide, signal, events } = await begun(host);
    await world.settle();
    await prepare();
    await world.settle();
    const [asked] = await events(`approval-${SAGA}:release`);
    const until = new Date(world.now + 60_000).toISOString();
    expect(asked).toMatchObject({
      type: 'approval.requested',
      data: {
        ...{ sagaId: SAGA, item: 'release', by: 'friends of me', title: 'release the plan', until },
        ...{ otherwise: 'refuse', asks: { workflow: 'w-1' } },
      },
    });
    await decide('approve');
    await world.settle();
    await signal(parcel);
    await world.settle();
    const saga = await world.execution.load(SAGA);
    expect(saga.status).toBe('COMPLETED');
    if (world instanceof MachineWorld) expect(world.ends.get(`${SAGA}/0`)).toBe('Completed');
    const decision = { decision: 'approve', who: 'Ada', why: 'looks right' };
    expect(saga.runs.map(({ output }) => output)).toEqual([undefined, decision, parcel]);
    const decided = (await events(`approval-${SAGA}:release`)).at(-1);
    expect(decided?.causationId).toBe(asked?.id);
  });

  it('is undone when the approval is refused', async () => {
    const { world, prepare, decide, types } = await begun(host);
    await world.settle();
    await prepare();
    await world.settle();
    await decide('refuse');
    await world.settle();
    expect(await world.execution.load(SAGA)).toMatchObject({ status: 'FAILED', reason: 'refused by Ada: looks right' });
    expect(await types('workflow-w-1')).toContain('workflow.step-compensated');
    expect(await types(`approval-${SAGA}:release`)).toEqual(['approval.requested', 'approval.decided']);
  });

  it('does at the end of the time what its declaration says, and takes no decision after it', async () => {
    const { world, prepare, decide, pass, types } = await begun(host);
    await world.settle();
    await prepare();
    await world.settle();
    world.now += 61_000;
    await expect(decide('approve')).rejects.toThrow(/the time to decide .* ended/);
    await pass(2);
    const reason = expect.stringMatching(/^nobody decided for friends of me by /);
    expect(await world.execution.load(SAGA)).toMatchObject({ status: 'FAILED', reason });
    expect((await world.execution.load(LENIENT)).runs.at(-1)).toMatchObject({
      step: 'delivered',
      state: 'outstanding',
    });
    for (const id of [SAGA, LENIENT]) {
      expect(await types(`approval-${id}:release`)).toEqual(['approval.requested', 'approval.expired']);
      await expect(decide('approve', id)).rejects.toThrow(CommandRejectedError);
    }
  });

  it('counts a decision that was taken in time, when the saga hears it after its deadline', async () => {
    const { world, prepare, decide, pass, types } = await begun(host);
    await world.settle();
    await prepare();
    await world.settle();
    world.now += 59_000;
    await decide('approve');
    world.now += 10_000;
    // The clock comes first: on one machine the timer, on AWS the time-out of the machine.
    await world.execution.tick(SAGA);
    await pass(1);
    expect((await world.execution.load(SAGA)).runs.at(-1)).toMatchObject({ step: 'delivered', state: 'outstanding' });
    expect(await types(`approval-${SAGA}:release`)).toEqual(['approval.requested', 'approval.decided']);
  });

  it('keeps a signal that comes before its step waits', async () => {
    const { world, prepare, decide, signal, types } = await begun(host);
    await world.settle();
    await signal(parcel);
    await prepare();
    await world.settle();
    await decide('approve');
    await world.settle();
    expect((await types(`saga-${SAGA}`)).slice(-4)).toEqual([
      ...['saga.step-completed', 'saga.step-started', 'saga.step-completed', 'saga.completed'],
    ]);
    expect((await world.execution.load(SAGA)).runs.at(-1)?.output).toEqual(parcel);
  });

  it('takes one signal of a name: a repeat changes nothing, another payload is refused', async () => {
    const { world, signal, types } = await begun(host);
    await world.settle();
    await signal(parcel);
    const before = await types(`saga-${SAGA}`);
    await signal(parcel);
    expect(await types(`saga-${SAGA}`)).toEqual(before);
    await expect(signal({ parcel: '43' })).rejects.toThrow(/has had its signal delivered/);
    await expect(signal({ parcel: 43 } as never, LENIENT)).rejects.toThrow(ValidationError);
    const large = { parcel: 'x'.repeat(70_000) };
    await expect(signal(large, LENIENT)).rejects.toThrow(ValidationError);
    const unknown = handleSignal(world, 'lost');
    expect(await unknown).toBeUndefined();
  });

  it('withdraws what it asked for when it is cancelled, and takes no signal any more', async () => {
    const { world, prepare, decide, signal, types } = await begun(host);
    await world.settle();
    await prepare();
    await world.settle();
    await world.execution.take(SAGA, { kind: 'cancel', reason: 'enough' });
    await world.settle();
    expect(await types(`approval-${SAGA}:release`)).toEqual(['approval.requested', 'approval.withdrawn']);
    await expect(decide('approve')).rejects.toThrow(/is withdrawn already/);
    await expect(signal(parcel)).rejects.toThrow(/is FAILED/);
  });

  it('fails when no signal comes in time', async () => {
    const { world, prepare, decide, pass } = await begun(host);
    await world.settle();
    await prepare();
    await world.settle();
    await decide('approve');
    await pass(92);
    await pass(20);
    const reason = expect.stringMatching(/^delivered did not answer by /);
    expect(await world.execution.load(SAGA)).toMatchObject({ status: 'FAILED', reason });
  });
});

/** A signal that no step waits for is that of an unknown saga or step. */
const handleSignal = (world: WorldOfSagas, name: string) => world.execution.take(SAGA, { kind: 'signal', name });

const happening = fc.oneof(
  fc.record({ kind: fc.constantFrom('prepare' as const, 'settle' as const, 'again' as const, 'cancel' as const) }),
  fc.record({ kind: fc.constant('decide' as const), decision: fc.constantFrom('approve' as const, 'refuse' as const) }),
  fc.record({ kind: fc.constant('signal' as const), parcel: fc.constantFrom('1', '2') }),
  fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ kind: fc.constant('story' as const) }),
);
const schedule = fc.record({
  happenings: fc.array(happening, { maxLength: 16 }),
  crashes: fc.array(fc.constantFrom('before' as const, 'after' as const, undefined, undefined), { maxLength: 30 }),
});
type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

const numRuns = Number(process.env['SAGA_SCHEDULES'] ?? 60);

/** Plays a schedule to its end. @returns the histories of the saga's streams */
async function play(host: Host, { happenings, crashes }: Schedule, crashing: boolean) {
  const { world, prepare, decide, signal, pass, events } = await begun(host, (call) =>
    crashing ? crashes[call] : undefined,
  );
  const refused = (error: unknown) => {
    if (!(error instanceof CommandRejectedError || error instanceof NotFoundError)) throw error;
  };
  for (const event of happenings) {
    if (event.kind === 'prepare') await prepare().catch(refused);
    else if (event.kind === 'decide') await decide(event.decision).catch(refused);
    else if (event.kind === 'signal') await signal({ parcel: event.parcel }).catch(refused);
    else if (event.kind === 'pass') world.now += event.seconds * 1_000;
    else if (event.kind === 'again') world.rewind(20);
    else if (event.kind === 'settle') await world.settle();
    else if (event.kind === 'cancel') await world.execution.take(SAGA, { kind: 'cancel', reason: 'x' }).catch(refused);
    else {
      for (const work of [prepare, () => decide('approve'), () => decide('approve', LENIENT), () => signal(parcel)]) {
        await world.settle();
        await work().catch(refused);
      }
    }
  }
  for (let hours = 0; hours < 6; hours++) await pass(3_600);
  world.rewind(1_000);
  await world.settle();
  return { saga: await events(`saga-${SAGA}`), approval: await events(`approval-${SAGA}:release`), events };
}

const typesOf = (events: readonly DomainEvent[]) => events.map(({ type }) => type);

describe.each(HOSTS)('on random schedules with crashes, on %s', (_, host) => {
  it('every saga ends, every approval has one end, and the two agree', async () => {
    const ends = { COMPLETED: 0, FAILED: 0, PARKED: 0 };
    await fc.assert(
      fc.asyncProperty(schedule, async (each) => {
        const { saga, approval, events } = await play(host, each, true);
        const end = endOfSaga(SAGA, saga);
        endOfSaga(LENIENT, await events(`saga-${LENIENT}`));
        ends[end]++;
        const [first, last, ...more] = typesOf(approval).filter((type) => type !== 'approval.requested');
        expect([last, more]).toEqual([undefined, []]);
        if (approval.length > 0) expect(first).toBeDefined();
        const done = saga.find(
          ({ type, data }) => type === 'saga.step-completed' && 'item' in data && data.item === 'release',
        );
        if (end === 'COMPLETED') expect(done).toBeDefined();
        // A decision that was taken counts, unless somebody cancelled the saga before it heard of it.
        const isCancelled = saga.some(({ data }) => 'cancelled' in data && data.cancelled && data.reason === 'x');
        const approved = approval.some(({ data }) => 'decision' in data && data.decision === 'approve');
        if (!isCancelled) expect(done !== undefined).toBe(approved);
        expect(typesOf(saga).filter((type) => type === 'saga.signalled').length).toBeLessThanOrEqual(1);
      }),
      { numRuns, seed: 20260105 },
    );
    expect(Math.min(ends.COMPLETED, ends.FAILED)).toBeGreaterThan(0);
  }, 600_000);
});

it('has the same events on both hosts', async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async (each) => {
      // Everything is delivered between two happenings, and none comes close to a deadline: so the order is the same.
      const happenings = each.happenings.flatMap((happening) => [...evenly(happening), { kind: 'settle' as const }]);
      const [here, there] = await Promise.all(HOSTS.map(([, host]) => play(host, { ...each, happenings }, false)));
      expect(typesOf(there?.saga ?? [])).toEqual(typesOf(here?.saga ?? []));
      expect(typesOf(there?.approval ?? [])).toEqual(typesOf(here?.approval ?? []));
    }),
    { numRuns: Math.ceil(numRuns / 4), seed: 20260105 },
  );
}, 600_000);

/** A short pause in which nothing is due, or one after which nothing is left to wait for. */
function evenly(happening: Schedule['happenings'][number]): Schedule['happenings'] {
  if (happening.kind !== 'pass') return [happening];
  if (happening.seconds < 25) return [{ kind: 'pass', seconds: 1 }];
  return Array.from({ length: 30 }, () => [{ ...happening, seconds: 10 }, { kind: 'settle' as const }]).flat();
}

it.each(['soon', '0s', '-1h', '400d', '500ms'])('refuses %o as a time to wait', (within) => {
  expect(() => approve({ by: 'ops', within: within as '1h' })).toThrow(/is no time/);
  expect(() => signal('paid', { within: within as '1h' })).toThrow(/is no time/);
});
