import { describe, expect, it } from 'vitest';
import { reminderIdOf } from '../../../../core/sagas/reminders.ts';
import { commandOf, defineSaga, remind } from '../../../../core/sagas/saga.ts';
import { ScheduleExecution } from '../../../../core/schedules/execution.ts';
import { scheduleFold } from '../../../../core/schedules/state.ts';
import { StateReader } from '../../../../core/state/state-reader.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import agents from '../../../../domain/application.ts';
import { multiAgentTask } from '../../../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { randomOf } from '../../../support/random.ts';
import { RunnerWorld, type World, type WorldOfSagas } from '../../../support/saga-world.ts';

/** Seeds on each host; 10,000 by `npm run test:schedules`. */
const SEEDS = Number(process.env['SCHEDULE_SEEDS'] ?? 25);
const AGENTS = ['a', 'b', 'c'];

/** An agent that has not answered for 20 seconds is told to wait no longer. */
const nudge = remind<object>({
  afterSeconds: 20,
  command: ({ item }) => commandOf(agentDecider, item, { kind: 'change-state', newState: 'waiting', reason: 'remind' }),
});
const reminding = defineSaga({
  ...multiAgentTask,
  steps: multiAgentTask.steps.map((step) => ({ ...step, reminders: [nudge] })),
});

async function begin(world: WorldOfSagas): Promise<void> {
  for (const id of AGENTS) {
    const create = { kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' };
    await world.command(agentDecider as never, id, create as never);
  }
  const request = { kind: 'request', requiredAgents: AGENTS, payload: {}, deadlineSeconds: 60 };
  await world.command(taskDecider as never, 't', request as never);
}

const complete = (world: WorldOfSagas, agentId: string) =>
  world.command(taskDecider as never, 't', {
    kind: 'complete',
    agentId,
    result: 1,
    duration: 1,
    resources: {},
  } as never);

const SAGA = 'multi-agent-task:t';

/** The schedules of the reminders of each agent's first attempt, by agent; absent where there is none. */
async function reminders({ store }: WorldOfSagas): Promise<Record<string, string>> {
  const states = new StateReader({ store });
  const found: Record<string, string> = {};
  for (const item of AGENTS) {
    const scheduleId = reminderIdOf(SAGA, { step: 'assign', item, attempt: 1 }, 0);
    const { state } = await states.load(scheduleFold, `schedule-${scheduleId}`);
    if (state.status !== 'NONE') found[item] = state.status;
  }
  return found;
}

const hosts = {
  'on one machine': (world: World) => new RunnerWorld([reminding], world),
  'on AWS': (world: World) => new MachineWorld([reminding], world),
};

describe.each(Object.entries(hosts))('the reminders of a saga %s', (_, open) => {
  it('are cancelled with the answer of their item, and with the saga', async () => {
    const world = open({ crashes: () => undefined, stubborn: new Map() });
    await begin(world);
    await world.settle();
    expect(await reminders(world)).toEqual({ a: 'ACTIVE', b: 'ACTIVE', c: 'ACTIVE' });
    await complete(world, 'a');
    await world.settle();
    expect(await reminders(world)).toEqual({ a: 'CANCELLED', b: 'ACTIVE', c: 'ACTIVE' });
    await world.execution.take(SAGA, { kind: 'cancel', reason: 'enough' });
    await world.settle();
    expect(await reminders(world)).toEqual({ a: 'CANCELLED', b: 'CANCELLED', c: 'CANCELLED' });
  });

  it('send their command when no answer comes', async () => {
    const world = open({ crashes: () => undefined, stubborn: new Map() });
    await begin(world);
    await world.settle();
    await complete(world, 'b');
    await world.settle();
    world.now += 20_000;
    const { store } = world;
    const execution = new ScheduleExecution({
      ...{ store, states: new StateReader({ store }), aggregates: agents.aggregates, sagas: [] },
      timers: { set: async () => {}, remove: async () => {} },
      ...{ logger: { error: () => {} }, now: () => new Date(world.now) },
    });
    for (const item of AGENTS) await execution.wake(reminderIdOf(SAGA, { step: 'assign', item, attempt: 1 }, 0));
    expect(await reminders(world)).toEqual({ a: 'COMPLETED', b: 'CANCELLED', c: 'COMPLETED' });
    const last = async (agent: string) => (await Array.fromAsync(store.read(`agent-${agent}`))).at(-1);
    expect(await last('a')).toMatchObject({
      type: 'agent.state-changed',
      source: 'schedule',
      data: { reason: 'remind' },
    });
    expect(await last('b')).toMatchObject({ type: 'agent.created' });
    await world.settle();
  });

  it('are there for open items only, whatever crashes', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { percent, between } = randomOf(seed);
      const crashes: World['crashes'] = () => (percent(15) ? (percent(50) ? 'before' : 'after') : undefined);
      const world = open({ crashes, stubborn: new Map() });
      await begin(world);
      for (let step = 0; step < 6; step++) {
        if (percent(70)) await world.settle();
        if (percent(40)) await complete(world, AGENTS[between(0, 2)] ?? '');
        if (percent(10)) await world.execution.take(SAGA, { kind: 'cancel', reason: 'enough' }).catch(() => {});
        if (percent(30)) world.rewind(between(1, 20));
        if (percent(10)) world.now += 61_000;
      }
      await world.settle();
      const { status, runs } = await world.execution.load(SAGA);
      const waiting = runs
        .filter(({ state }) => status === 'STARTED' && state === 'outstanding')
        .map(({ item }) => item);
      const active = Object.entries(await reminders(world)).filter(([, state]) => state === 'ACTIVE');
      expect(active.map(([item]) => item).toSorted(), `seed ${seed}`).toEqual(waiting.toSorted());
    }
  });
});
