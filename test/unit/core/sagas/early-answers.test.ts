import { describe, expect, it } from 'vitest';
import { handleCommand } from '../../../../core/state/decider.ts';
import agents from '../../../../domain/application.ts';
import { workflowDecider } from '../../../../domain/workflow/workflow.ts';
import type { WorkflowCommand } from '../../../../domain/workflow/workflow-commands.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { RunnerWorld } from '../../../support/saga-world.ts';

const { sagas } = agents;

const STEPS = ['plan', 'code', 'review'] as const;
const SAGA = 'workflow:w-1';

describe.each([
  ['on one machine', RunnerWorld],
  ['with a state machine', MachineWorld],
] as const)('a step that is completed before the saga begins it, %s', (_, World) => {
  const begun = async () => {
    const world = new World(sagas, { crashes: () => undefined, stubborn: new Map() });
    const workflow = (command: WorkflowCommand) => handleCommand(world.store, workflowDecider, 'w-1', command);
    const plan = STEPS.map((name) => ({ name, agentType: 'coder' }));
    await workflow({ kind: 'start', workflowType: 'change', initiatedBy: 'me', parameters: { plan } });
    const complete = (index: number) => {
      const [stepId = '', nextStep] = STEPS.slice(index);
      const step = { stepId, stepType: stepId, output: null, ...(nextStep ? { nextStep } : {}) };
      return workflow({ kind: 'complete-step', ...step });
    };
    return { world, complete };
  };

  it.each([
    ['code, review, plan', [1, 2, 0]],
    ['review, code, plan', [2, 1, 0]],
    ['plan, review, code', [0, 2, 1]],
  ])('counts when its turn comes: %s', async (_order, order) => {
    for (const settles of [true, false]) {
      const { world, complete } = await begun();
      for (const index of order) {
        if (settles) await world.settle();
        await complete(index);
      }
      await world.settle();
      const { status, runs } = await world.execution.load(SAGA);
      expect(status).toBe('COMPLETED');
      expect(runs.map(({ item, state }) => [item, state])).toEqual(STEPS.map((name) => [name, 'completed']));
    }
  });

  it('is undone when the saga fails later', async () => {
    const { world, complete } = await begun();
    await complete(1);
    await complete(0);
    await world.settle();
    for (let day = 0; day < 3; day++) {
      world.now += 24 * 3_600_000; // past the deadline of the last step
      await world.settle();
    }
    const { status, runs } = await world.execution.load(SAGA);
    expect(status).toBe('FAILED');
    expect(runs.map(({ item, state }) => [item, state])).toEqual(STEPS.map((name) => [name, 'compensated']));
  });
});
