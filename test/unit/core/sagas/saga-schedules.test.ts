import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import agents from '../../../../domain/application.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import { workflowDecider } from '../../../../domain/workflow/workflow.ts';
import { endOfSaga, type SagaEnd } from '../../../../testing/simulation/check-sagas.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { RunnerWorld, type World, type WorldOfSagas } from '../../../support/saga-world.ts';

const { sagas } = agents;

/** Schedules tried, and a third of that on AWS; 10,000 take some minutes. */
const numRuns = Number(process.env['SAGA_SCHEDULES'] ?? 300);
const seed = Number(process.env['SAGA_SEED'] ?? 20260105);

const AGENTS = ['a', 'b', 'c'];
const PLAN = [
  { name: 'plan', agentType: 'planner', deadlineSeconds: 30 },
  { name: 'code', agentType: 'coder', deadlineSeconds: 40, retries: 1 },
  { name: 'review', agentType: 'reviewer', deadlineSeconds: 30 },
];

const agent = fc.constantFrom(...AGENTS);
const stepId = fc.constantFrom('plan', 'code', 'review', 'code:2');
/** What happens around the sagas; an answer that is in no schedule is lost. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('complete' as const), agent }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('step' as const), stepId, next: fc.option(stepId, { nil: undefined }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), agent }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail-step' as const), stepId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), agent }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), saga: fc.constantFrom(0, 1, 2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 35 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('again' as const), commits: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

const schedule = fc.record({
  happenings: fc.array(happening, { maxLength: 24 }),
  crashes: fc.array(fc.constantFrom('before' as const, 'after' as const, undefined, undefined), { maxLength: 40 }),
  stubborn: fc.dictionary(fc.constantFrom(...AGENTS, 'plan', 'code'), fc.integer({ min: 1, max: 9 }), { maxKeys: 2 }),
});
type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

/** Two tasks that want the same agents, and a workflow. */
const SAGA_IDS = ['multi-agent-task:t-1', 'multi-agent-task:t-2', 'workflow:w-1'];

async function begin(world: WorldOfSagas): Promise<void> {
  for (const agentId of AGENTS) {
    await world.command(agentDecider as never, agentId, create);
  }
  for (const [taskId, requiredAgents] of [
    ['t-1', AGENTS],
    ['t-2', ['b', 'a']],
  ] as const) {
    await world.command(taskDecider as never, taskId, {
      kind: 'request',
      requiredAgents,
      payload: {},
      deadlineSeconds: 60,
    } as never);
  }
  const workflow = { kind: 'start', workflowType: 'change', initiatedBy: 'me', parameters: { plan: PLAN } };
  await world.command(workflowDecider as never, 'w-1', workflow as never);
}
const create = { kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' } as never;

async function happen(world: WorldOfSagas, event: Happening): Promise<void> {
  switch (event.kind) {
    case 'complete':
    case 'fail': {
      const part = event.kind === 'complete' ? { result: 1, duration: 1, resources: {} } : { error: 'no' };
      const command = { kind: event.kind, agentId: event.agent, ...part } as never;
      for (const task of ['t-1', 't-2']) await world.command(taskDecider as never, task, command).catch(() => {});
      return;
    }
    case 'step': {
      const command = {
        kind: 'complete-step',
        stepId: event.stepId,
        stepType: 'x',
        output: null,
        ...(event.next ? { nextStep: event.next } : {}),
      };
      return void (await world.command(workflowDecider as never, 'w-1', command as never));
    }
    case 'fail-step':
      return void (await world.command(workflowDecider as never, 'w-1', {
        kind: 'fail-step',
        stepId: event.stepId,
        error: 'no',
      } as never));
    case 'stop':
      return void (await world.command(agentDecider as never, event.agent, {
        kind: 'change-state',
        newState: 'stopped',
        reason: 'x',
      } as never));
    case 'cancel':
      await world.execution.take(SAGA_IDS[event.saga] ?? '', { kind: 'cancel', reason: 'enough' }).catch(() => {});
      return;
    case 'pass':
      world.now += event.seconds * 1_000;
      return;
    case 'again':
      return world.rewind(event.commits);
    case 'settle':
      return world.settle();
    case 'forget':
      return world.forget();
    case 'finish':
      for (const agent of AGENTS) await happen(world, { kind: 'complete', agent });
      for (const [n, { name }] of PLAN.entries()) {
        await happen(world, { kind: 'step', stepId: name as 'plan', next: PLAN[n + 1]?.name as 'plan' });
        await world.settle();
      }
  }
}

type Host = new (declarations: typeof sagas, world: World) => WorldOfSagas;

async function play<W extends Host>(host: W, { happenings, crashes, stubborn }: Schedule): Promise<InstanceType<W>> {
  const world = new host(sagas, {
    crashes: (call) => crashes[call],
    stubborn: new Map(Object.entries(stubborn)),
  }) as InstanceType<W>;
  await begin(world);
  for (const event of happenings) await happen(world, event);
  // In the end all deadlines and pauses have passed, and everything was delivered at least once more.
  for (let hours = 0; hours < 6; hours++) {
    await world.settle();
    world.now += 3_600_000;
  }
  world.rewind(1_000);
  await world.settle();
  return world;
}

async function history(world: WorldOfSagas, stream: string): Promise<DomainEvent[]> {
  return Array.fromAsync(world.store.read(stream));
}

/** What has to be true of a saga that was left alone long enough. */
async function check(world: WorldOfSagas, sagaId: string): Promise<SagaEnd> {
  const events = await history(world, `saga-${sagaId}`);
  const own = events.filter(({ type }) => type === 'multi-agent-task.completed' || type === 'multi-agent-task.failed');
  expect(own.length).toBeLessThanOrEqual(1);
  return endOfSaga(sagaId, events);
}

/** The domain has to agree: what was undone was undone once, and what was completed was not. */
async function checkSubject(world: WorldOfSagas, sagaId: string, end: string): Promise<void> {
  const subject = sagaId.replace('multi-agent-task:', 'task-').replace('workflow:', 'workflow-');
  const events = await history(world, subject);
  const done = events.filter(({ type }) => type === 'task.assigned' || type === 'workflow.step-assigned');
  const undone = events.filter(({ type }) => type === 'task.released' || type === 'workflow.step-compensated');
  const saga = await world.execution.load(sagaId);
  const compensated = saga.runs.filter(({ state }) => state === 'compensated').length;
  expect(undone.length - compensated).toBeLessThanOrEqual(end === 'PARKED' ? 1 : 0);
  expect(undone.length).toBeGreaterThanOrEqual(compensated);
  if (end === 'COMPLETED') expect(undone).toEqual([]);
  for (const release of undone) {
    const after = done.filter(
      ({ sequenceNumber, data }) => sequenceNumber > release.sequenceNumber && same(data, release.data),
    );
    expect(after, 'assigned after it was released').toEqual([]);
  }
}

const same = (one: object, other: object): boolean =>
  ('agentId' in one && 'agentId' in other && one.agentId === other.agentId) ||
  ('stepId' in one && 'stepId' in other && one.stepId === other.stepId);

describe.each([
  ['one machine', RunnerWorld, numRuns],
  ['AWS', MachineWorld, Math.ceil(numRuns / 3)],
] as const)('on %s, on random schedules', (_, host, runs) => {
  it(`every saga completes, or fails with all undone, or is parked; never two of them (seed ${seed})`, async () => {
    const ends = { COMPLETED: 0, FAILED: 0, PARKED: 0 };
    await fc.assert(
      fc.asyncProperty(schedule, async (each) => {
        const world = await play(host, each);
        let parked = 0;
        for (const sagaId of SAGA_IDS) {
          const end = await check(world, sagaId);
          await checkSubject(world, sagaId, end);
          if (world instanceof MachineWorld) checkExecution(world, sagaId, end);
          ends[end]++;
          if (end === 'PARKED') parked++;
        }
        expect(world.parked).toBeGreaterThanOrEqual(parked);
      }),
      { numRuns: runs, seed },
    );
    if (process.env['SAGA_SCHEDULES']) process.stdout.write(`of ${3 * runs} sagas: ${JSON.stringify(ends)}\n`);
    // Schedules that never led to one of the ends would prove nothing of it.
    expect(Math.min(...Object.values(ends))).toBeGreaterThan(0);
  }, 1_800_000);

  it('a parked saga goes on where it was once an operator resumes it', async () => {
    const world = await play(host, { happenings: [], crashes: [], stubborn: { a: 14 } });
    const sagaId = 'multi-agent-task:t-1';
    expect(await check(world, sagaId)).toBe('PARKED');
    for (let operator = 0; operator < 8; operator++) {
      await world.execution.take(sagaId, { kind: 'resume' }).catch(() => {});
      await world.settle();
      world.now += 3_600_000;
      await world.settle();
    }
    expect(await check(world, sagaId)).toBe('FAILED');
  });
});

/** Every execution has ended, the last one as its saga did. */
function checkExecution(world: MachineWorld, sagaId: string, end: 'COMPLETED' | 'FAILED' | 'PARKED'): void {
  const ends = [...world.ends].flatMap(([name, state]) => (name.startsWith(`${sagaId}/`) ? [state] : []));
  const expected = { COMPLETED: 'Completed', FAILED: 'Failed, all undone', PARKED: 'Parked' } as const;
  expect(ends).not.toContain('running');
  expect(ends.at(-1)).toBe(expected[end]);
}
