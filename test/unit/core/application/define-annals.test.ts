import { expect, it } from 'vitest';
import { type AnnalsDeclaration, defineAnnals } from '../../../../core/application/define-annals.ts';
import { catalogueOf } from '../../../../core/events/catalogue.ts';
import { agents } from '../../../../domain/agents.ts';
import { definitions } from '../../../../events/catalogue.ts';

const { catalogue, aggregates, projections, sagas } = agents;
const [agent] = aggregates;
const [status] = projections;
const [saga] = sagas;
if (!agent || !status || !saga) throw new Error('the application declares at least one of each');
const without = (...types: string[]) => catalogueOf(definitions.filter(({ type }) => !types.includes(type)));

it('gives what hosts need: the snapshots of each aggregate and each view of a stream', () => {
  expect(agents.folds.map(({ name }) => name)).toEqual([
    ...['state.agent', 'state.task', 'state.workflow'],
    ...['view.agent-status', 'view.task-status', 'view.workflow-status', 'view.saga-status'],
  ]);
  expect(defineAnnals({ catalogue })).toMatchObject({ aggregates: [], projections: [], sagas: [], folds: [] });
});

it.each<[string, Partial<AnnalsDeclaration>, string]>([
  ['an aggregate twice', { aggregates: [agent, { ...agent }] }, 'aggregate agent is declared twice'],
  ['a projection twice', { projections: [status, status] }, 'projection agent-status is declared twice'],
  ['a saga twice', { sagas: [saga, saga] }, 'saga multi-agent-task is declared twice'],
  ['an aggregate without events', { aggregates: [{ ...agent, aggregateType: 'x' }] }, 'aggregate x: no event type'],
  [
    'a projection of foreign events',
    { projections: [{ ...status, aggregateType: 'task' }] },
    'agent.created is not in task streams',
  ],
  [
    'a saga that no event starts',
    { sagas: [saga], catalogue: without('task.requested') },
    'task.requested is not a known event type',
  ],
  [
    'a saga without its answers',
    { sagas: [saga], catalogue: without('task.failed') },
    'task.failed is not a known event type',
  ],
  ['a saga without a history', { sagas: [saga], catalogue: without('saga.started') }, 'saga.started is not a known'],
])('refuses %s', (_, parts, message) => {
  expect(() => defineAnnals({ catalogue, ...parts })).toThrow(message);
});
