import { describe, expect, it, vi } from 'vitest';
import { CommandRejectedError } from '../../core/base/errors.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { defineSharedProjection } from '../../core/projections/shared-projection.ts';
import { type AnySaga, commandOf } from '../../core/sagas/saga.ts';
import { agentDecider } from '../../domain/agent/agent.ts';
import agents from '../../domain/application.ts';
import { multiAgentTask } from '../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../domain/task/task.ts';
import { workflowDecider } from '../../domain/workflow/workflow.ts';
import { appends, passes, type Story, simulate } from '../../entry/testing.ts';

/** Two agents work on a task. The second one fails now and then, or takes too long. */
const task: Story = ({ id, chance, from }) => {
  const answer = { duration: from(1, 9), resources: {} };
  const failure = commandOf(taskDecider, id, { kind: 'fail', agentId: 'b', error: 'no' });
  const success = commandOf(taskDecider, id, { kind: 'complete', agentId: 'b', result: 2, ...answer });
  return [
    commandOf(taskDecider, id, { kind: 'request', requiredAgents: ['a', 'b'], payload: {}, deadlineSeconds: 60 }),
    commandOf(taskDecider, id, { kind: 'complete', agentId: 'a', result: 1, ...answer }),
    passes(from(1, 70)),
    chance(0.3) ? failure : success,
  ];
};

const workflow: Story = function* ({ id }) {
  const plan = [
    { name: 'plan', agentType: 'planner', deadlineSeconds: 30 },
    { name: 'code', agentType: 'coder', deadlineSeconds: 40, retries: 1 },
  ];
  yield commandOf(workflowDecider, id, { kind: 'start', workflowType: 'x', initiatedBy: 'me', parameters: { plan } });
  const done = { kind: 'complete-step', stepType: 'x', output: null } as const;
  yield commandOf(workflowDecider, id, { ...done, stepId: 'plan', nextStep: 'code' });
  yield commandOf(workflowDecider, id, { ...done, stepId: 'code' });
};

const agent: Story = ({ id, from, pick }) => [
  commandOf(agentDecider, id, {
    kind: 'create',
    agentType: pick(['coder', 'planner']),
    configuration: {},
    createdBy: 'me',
  }),
  appends(`agent-${id}`, { type: 'agent.step-recorded', data: { agentId: id, action: 'ls', durationMs: from(1, 99) } }),
  commandOf(agentDecider, id, { kind: 'change-state', newState: 'stopped', reason: 'done' }),
  appends(`agent-${id}`, { type: 'agent.step-recorded', data: { agentId: id, action: 'ls' } }), // refused
];

const stories = [task, workflow, agent];

it('the projections and sagas of agents, tasks and workflows hold in every seed', async () => {
  const report = await simulate(agents, { stories, seeds: 100 });
  expect(report.untouched).toEqual([]);
  const figures = [report.refused, report.deliveries, report.faults, report.restarts, report.jumps];
  for (const figure of [...figures, ...Object.values(report.sagas).flatMap(Object.values)]) {
    expect(figure).toBeGreaterThan(20);
  }
});

it('a seed always tells the same', async () => {
  const once = () => simulate(agents, { stories, seeds: 3, firstSeed: 40 });
  expect(await once()).toEqual(await once());
});

it('the environment may name a seed to repeat', async () => {
  vi.stubEnv('ANNALS_SEED', '40');
  const { seeds, deliveries } = await simulate(agents, { stories });
  vi.unstubAllEnvs();
  vi.stubEnv('ANNALS_SEEDS', '0');
  await expect(simulate(agents, { stories })).rejects.toThrow('the number of seeds is a whole number from 1, not 0');
  vi.stubEnv('ANNALS_SEED', 'forty');
  await expect(simulate(agents, { stories })).rejects.toThrow('ANNALS_SEED is a whole number, not forty');
  vi.unstubAllEnvs();
  expect(seeds).toBe(1);
  expect((await simulate(agents, { stories, seeds: 1, firstSeed: 40 })).deliveries).toBe(deliveries);
});

it('the stories have to reach a part to say anything of it', async () => {
  const { untouched } = await simulate(agents, { stories: [agent], seeds: 5 });
  expect(untouched).toEqual(expect.arrayContaining(['task-status', 'multi-agent-task']));
  expect(untouched).not.toContain('agent-status');
});

it('stories that write nothing are an error', async () => {
  await expect(simulate(agents, { stories: [] })).rejects.toThrow('needs a story');
  const refused: Story = ({ id }) => [
    commandOf(agentDecider, id, { kind: 'change-state', newState: 'idle', reason: 'x' }),
  ];
  await expect(simulate(agents, { stories: [refused], seeds: 2 })).rejects.toThrow('wrote no event');
});

/** The message with which the simulation of an application fails. */
async function failure(parts: Partial<typeof agents>, options = { stories, seeds: 50 }): Promise<string> {
  return simulate({ ...agents, ...parts }, options).then(
    () => 'no fault was found',
    ({ message }: Error) => message,
  );
}

describe('the simulation finds a projection', () => {
  const steps = {
    name: 'steps',
    aggregateType: 'agent',
    types: ['agent.created', 'agent.step-recorded'],
    group: { of: () => 'all', values: ['all'] },
  } as const;
  type View = { readonly steps: number } | undefined;

  it('that keeps state outside of its views', async () => {
    const totals = new Map<string, number>();
    const evolve = (_: View, { aggregateId }: DomainEvent) => {
      totals.set(aggregateId, (totals.get(aggregateId) ?? 0) + 1);
      return { steps: totals.get(aggregateId) ?? 0 };
    };
    expect(await failure({ projections: [defineProjection({ ...steps, evolve })] })).toMatch(
      /^seed 1 fails: projection steps cannot take event 1 of agent-s\d.* evolve of projection steps is not pure/,
    );
  });

  it('that remembers the last event outside of its views', async () => {
    let last: unknown;
    const evolve = (view: View, { id }: DomainEvent) => {
      const next = id === last ? (view?.steps ?? 0) : (view?.steps ?? 0) + 1;
      last = id;
      return { steps: next };
    };
    expect(await failure({ projections: [defineProjection({ ...steps, evolve })] })).toContain('is not pure');
  });

  it('whose views depend on earlier deliveries', async () => {
    const seen = new Set<string>();
    const evolve = (view: View, { id }: DomainEvent) => {
      // The second look at an event is the same as the first; the look of the next delivery is not.
      const known = seen.has(`${id} twice`);
      seen.add(seen.has(id) ? `${id} twice` : id);
      return { steps: (view?.steps ?? 0) + (known ? 0 : 1) };
    };
    expect(await failure({ projections: [defineProjection({ ...steps, evolve })] })).toMatch(
      /the view of agent-s\d in steps is {"steps":\d+}, it should be/,
    );
  });

  it('that changes its view in place', async () => {
    const evolve = (view: { steps: number } | undefined) => {
      const next = view ?? { steps: 0 };
      next.steps++;
      return next;
    };
    expect(await failure({ projections: [defineProjection({ ...steps, evolve })] })).toContain('read only property');
  });

  it('that takes the time from the clock of its process', async () => {
    let milliseconds = 0;
    const evolve = () => ({ at: milliseconds++ });
    expect(await failure({ projections: [defineProjection({ ...steps, evolve })] })).toContain('is not pure');
  });

  it('that throws, with the shortest story that makes it throw', async () => {
    const evolve = (view: View, { type }: DomainEvent) => {
      if (type === 'agent.step-recorded') throw new TypeError('x is undefined');
      return { steps: view?.steps ?? 0 };
    };
    expect(await failure({ projections: [defineProjection({ ...steps, evolve })] })).toMatch(
      /^seed \d+ fails: projection steps cannot take event 2 of agent-s\d, agent.step-recorded: TypeError: x is undefined\nThese steps lead to it, also without faults of calls and processes:\n {2}1\. command of agent-s\d: .*\n {2}2\. append to agent-s\d: .*\nTo repeat this seed, set ANNALS_SEED=\d+, or/,
    );
  });

  it('with an undeclared group, a view that is not JSON, or counts that are not whole', async () => {
    const lost = defineProjection({ ...steps, group: { of: () => 'lost', values: ['all'] }, evolve: () => ({}) });
    expect(await failure({ projections: [lost] })).toContain('is in group lost, which is not declared');
    const dated = defineProjection({ ...steps, evolve: () => ({ at: new Date(0) }) });
    expect(await failure({ projections: [dated] })).toContain('is not JSON');
    const half = defineSharedProjection({
      ...{ name: 'half', types: ['agent.created'], shards: 1 },
      evolve: () => ({}),
      count: () => ({ all: { agents: 0.5 } }),
    });
    expect(await failure({ projections: [half] })).toContain('counts are whole numbers');
  });
});

describe('the simulation finds a saga', () => {
  const saga: AnySaga = multiAgentTask;
  const changed = (step: Partial<AnySaga['steps'][number]>): AnySaga => ({
    ...saga,
    steps: saga.steps.map((each) => ({ ...each, ...step })),
  });

  it('that never ends', async () => {
    const endless = changed({ retries: { limit: Number.POSITIVE_INFINITY, delaySeconds: 1, maxDelaySeconds: 1 } });
    expect(await failure({ sagas: [endless] })).toMatch(
      /^seed \d+ fails: saga multi-agent-task:s\d has not ended: it is STARTED; assign\/[\s\S]*also without faults[\s\S]*command of task-s\d:/,
    );
  });

  it('that cannot undo an item', async () => {
    const refuse = () => {
      throw new CommandRejectedError('it is too late');
    };
    const stuck = changed({
      compensation: ({ input }) => commandOf({ ...taskDecider, decide: refuse }, input.taskId, {} as never),
    });
    expect(await failure({ sagas: [stuck] })).toMatch(
      /saga multi-agent-task:s\d is parked, assign\/b cannot be undone: it is too late/,
    );
  });

  it('that throws', async () => {
    const broken: AnySaga = {
      ...saga,
      input: () => {
        throw new TypeError('x is undefined');
      },
    };
    expect(await failure({ sagas: [broken] })).toMatch(
      /the sagas cannot take event 1 of task-s\d, task.requested: .*x is/,
    );
  });
});

describe('the simulation finds an aggregate', () => {
  it('that is not pure, or writes events that the store refuses', async () => {
    let count = 0;
    const creating = (agentType: () => string) => [
      (({ id }) => [
        commandOf(
          {
            ...agentDecider,
            decide: () => [
              {
                type: 'agent.created',
                data: { agentId: id, agentType: agentType(), configuration: {}, createdBy: 'x' },
              },
            ],
          },
          id,
          {} as never,
        ),
      ]) satisfies Story,
    ];
    expect(await failure({}, { stories: creating(() => `coder ${count++}`), seeds: 1 })).toContain(
      'decide of aggregate agent is not pure',
    );
    expect(await failure({}, { stories: creating(() => ''), seeds: 1 })).toMatch(
      /command of agent-s\d: {} fails: ValidationError: events.0.data.agentType/,
    );
  });
});
