import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { handleCommand } from '../../../../core/state/decider.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import agents from '../../../../domain/application.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import type { TaskCommand } from '../../../../domain/task/task-commands.ts';
import { workflowDecider } from '../../../../domain/workflow/workflow.ts';
import type { WorkflowCommand } from '../../../../domain/workflow/workflow-commands.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { RunnerWorld, type WorldOfSagas } from '../../../support/saga-world.ts';

const { sagas } = agents;

const CONVERSATION = 'conv-77';
const STREAMS = ['saga-multi-agent-task:t-1', 'task-t-1', 'saga-workflow:w-1', 'workflow-w-1', 'agent-a'];
const part = { result: 1, duration: 1, resources: {} };

/** A user or an agent who acts in a conversation; agents have conversations of their own. */
function actors(world: WorldOfSagas) {
  const options = (correlationId: string) => ({ now: () => new Date(world.now), defaults: { correlationId } });
  return {
    task: (command: TaskCommand, correlationId = 'of-the-agent') =>
      handleCommand(world.store, taskDecider, 't-1', command, options(correlationId)),
    workflow: (command: WorkflowCommand, correlationId = 'of-the-agent') =>
      handleCommand(world.store, workflowDecider, 'w-1', command, options(correlationId)),
    agent: (command: Parameters<typeof agentDecider.decide>[1]) =>
      handleCommand(world.store, agentDecider, 'a', command, options('of-the-agent')),
  };
}

type Actors = ReturnType<typeof actors>;

const request = ({ task }: Actors) =>
  task({ kind: 'request', requiredAgents: ['a', 'b', 'c'], payload: {}, deadlineSeconds: 60 }, CONVERSATION);
const start = ({ workflow }: Actors) => {
  const plan = [
    { name: 'plan', agentType: 'planner', deadlineSeconds: 30, retries: 1 },
    { name: 'code', agentType: 'coder' },
  ];
  return workflow({ kind: 'start', workflowType: 'x', initiatedBy: 'me', parameters: { plan } }, CONVERSATION);
};

/** What happens to sagas of a conversation, by what they come to in the end. */
const stories: Record<string, (world: WorldOfSagas, actors: Actors) => Promise<void>> = {
  'saga.completed': async (world, by) => {
    await request(by);
    await world.settle();
    for (const agentId of ['a', 'b', 'c']) await by.task({ kind: 'complete', agentId, ...part });
  },
  'saga.failed after a deadline': async (world, by) => {
    await request(by);
    await world.settle();
    await by.task({ kind: 'complete', agentId: 'a', ...part });
    await world.settle();
    world.now += 120_000;
  },
  'saga.failed after a failure': async (world, by) => {
    await request(by);
    await world.settle();
    await by.task({ kind: 'complete', agentId: 'a', ...part });
    await by.task({ kind: 'fail', agentId: 'b', error: 'no' });
  },
  'saga.failed after the end of an agent': async (world, by) => {
    await by.agent({ kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' });
    await request(by);
    await world.settle();
    await by.agent({ kind: 'change-state', newState: 'stopped', reason: 'x' });
  },
  'saga.failed after a second attempt': async (world, by) => {
    await start(by);
    await world.settle();
    for (let n = 0; n < 30; n++) {
      world.now += 30_000; // the deadline, the pause after it, the deadline of the second attempt
      await world.settle();
    }
  },
  'saga.failed after an agent that had ended before': async (_world, by) => {
    await by.agent({ kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' });
    await by.agent({ kind: 'change-state', newState: 'stopped', reason: 'x' });
    await request(by);
  },
  'saga.completed step by step': async (world, by) => {
    await start(by);
    await world.settle();
    await by.workflow({ kind: 'complete-step', stepId: 'plan', stepType: 'plan', output: null, nextStep: 'code' });
    await world.settle();
    await by.workflow({ kind: 'complete-step', stepId: 'code', stepType: 'code', output: null });
  },
};

async function eventsOf({ store }: WorldOfSagas): Promise<DomainEvent[]> {
  return (await Promise.all(STREAMS.map((stream) => Array.fromAsync(store.read(stream))))).flat();
}

const calm = { crashes: () => undefined, stubborn: new Map<string, number>() };

describe.each([
  ['one machine', RunnerWorld],
  ['Step Functions', MachineWorld],
] as const)('what a saga writes on %s', (_, Host) => {
  it.each(Object.entries(stories))(
    'has the correlation id of its start and the id of its cause: %s',
    async (name, tell) => {
      const world = new Host(sagas, calm);
      await tell(world, actors(world));
      await world.settle();
      const all = await eventsOf(world);
      const byId = new Map(all.map((event) => [event.id, event]));
      const written = all.filter(({ source }) => source === 'saga');
      expect(written.map(({ type }) => type)).toContain(name.split(' ')[0]);
      for (const event of written) {
        expect(event, event.type).toMatchObject({ correlationId: CONVERSATION, causationId: expect.any(String) });
        const cause = byId.get(event.causationId ?? '');
        expect(cause, `the cause of ${event.type}`).toBeDefined();
      }
      const causesOf = (type: string) =>
        new Set(
          written.filter((event) => event.type === type).map(({ causationId = '' }) => byId.get(causationId)?.type),
        );
      for (const cause of [...causesOf('task.assigned'), ...causesOf('workflow.step-assigned')]) {
        expect(cause).toBe('saga.step-started');
      }
      const undone = [...causesOf('task.released'), ...causesOf('workflow.step-compensated')];
      for (const cause of [...undone, ...causesOf('saga.step-compensated')]) expect(cause).toBe('saga.compensating');
      for (const cause of causesOf('saga.step-completed')) expect(cause).toMatch(/^(task|workflow.step)[.-]completed$/);
    },
  );
});

describe('what a saga writes when an operator has it go on', () => {
  it('is caused by the resumption', async () => {
    const world = new RunnerWorld(sagas, { ...calm, stubborn: new Map([['c', 2]]) });
    const by = actors(world);
    await request(by);
    await world.settle();
    await by.task({ kind: 'fail', agentId: 'b', error: 'no' });
    await world.settle();
    expect((await eventsOf(world)).map(({ type }) => type)).toContain('saga.parked');
    await world.execution.take('multi-agent-task:t-1', { kind: 'resume' });
    await world.settle();
    const all = await eventsOf(world);
    const resumed = all.find(({ type }) => type === 'saga.resumed');
    expect(resumed).toMatchObject({ correlationId: CONVERSATION });
    for (const type of ['task.released', 'saga.step-compensated', 'saga.failed']) {
      const last = all.findLast((event) => event.type === type);
      expect(last, type).toMatchObject({ correlationId: CONVERSATION, causationId: resumed?.id });
    }
  });
});
