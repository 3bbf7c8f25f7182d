import { afterEach, expect, it, vi } from 'vitest';
import { taskDecider } from '../../../domain/task/task.ts';
import { workflowDecider } from '../../../domain/workflow/workflow.ts';

afterEach(() => vi.restoreAllMocks());

interface Folding {
  readonly initialState: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: either decider
  evolve(state: any, event: any): unknown;
}

/** Entries that a fold puts into maps and sets, copies included. */
function putsOf({ initialState, evolve }: Folding, events: readonly object[]): number {
  const set = vi.spyOn(Map.prototype, 'set');
  const add = vi.spyOn(Set.prototype, 'add');
  events.reduce<unknown>((state, event) => evolve(state, event), initialState);
  const puts = set.mock.calls.length + add.mock.calls.length;
  vi.restoreAllMocks();
  return puts;
}

const workflow = (steps: number) =>
  Array.from({ length: steps }, (_, n) => [
    { type: 'workflow.step-assigned', data: { stepId: `s${n}`, attempt: 1 } },
    { type: 'workflow.step-failed', data: { stepId: `s${n}`, attempt: 1 } },
    { type: 'workflow.step-completed', data: { stepId: `s${n}` } },
    { type: 'workflow.step-compensated', data: { stepId: `s${n}` } },
  ]).flat();
const task = (agents: number) =>
  Array.from({ length: agents }, (_, n) => [
    { type: 'task.assigned', data: { agentId: `a${n}` } },
    { type: 'task.completed', data: { agentId: `a${n}` } },
    { type: 'task.released', data: { agentId: `a${n}` } },
  ]).flat();

it.each([
  ['workflow', workflowDecider, workflow],
  ['task', taskDecider, task],
] as const)('the work of the fold of a %s grows in proportion to its events', (_, decider, eventsOf) => {
  const few = putsOf(decider, eventsOf(100));
  const many = putsOf(decider, eventsOf(800));
  expect(few).toBeGreaterThanOrEqual(100);
  expect(many).toBe(8 * few);
});
