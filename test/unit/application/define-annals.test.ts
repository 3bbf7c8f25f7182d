import { expect, it } from 'vitest';
import * as z from 'zod';
import application from '#application';
import { type AnnalsDeclaration, defineAnnals, settingsOf } from '../../../application/define-annals.ts';
import { agents } from '../../../domain/agents.ts';

const [agent] = agents.aggregates;
const [status] = agents.projections;
const [saga] = agents.sagas;
const without = (...types: string[]) => agents.events.filter(({ type }) => !types.includes(type));

it('gives what hosts need: the snapshots of each aggregate and each view of a stream', () => {
  expect(application.folds.map(({ name }) => name)).toEqual([
    ...['state.agent', 'state.task', 'state.workflow', 'state.schedule'],
    ...[
      'view.agent-status',
      'view.task-status',
      'view.workflow-status',
      'view.saga-status',
      'view.event-types',
      'view.schedule-status',
      'view.budgets',
      'view.approvals',
      'view.subscriptions',
    ],
  ]);
});

it('unites modules with the own parts, and has the sagas’ events and projection', () => {
  const annals = defineAnnals({ modules: [{ events: agents.events }, { aggregates: [agent] }], projections: [status] });
  expect(annals.catalogue.definitionOf('agent.created')).toBe(agents.events[0]);
  expect(annals.catalogue.definitionOf('saga.started')).toBeDefined();
  expect(annals.aggregates).toEqual([agent]);
  expect(annals.projections.map(({ name }) => name)).toEqual([
    'agent-status',
    'saga-status',
    'event-types',
    'schedule-status',
    'budgets',
    'approvals',
    'subscriptions',
  ]);
  expect(defineAnnals({})).toMatchObject({ aggregates: [], sagas: [] });
});

it.each<[string, AnnalsDeclaration, string]>([
  ['a module twice', { modules: [agents, agents] }, 'event type agent.created is declared twice'],
  ['an aggregate twice', { aggregates: [agent, { ...agent }] }, 'aggregate agent is declared twice'],
  [
    'two aggregates with one path',
    { aggregates: [agent, { ...agent, aggregateType: 'task' }] },
    'path of an aggregate agents is declared twice',
  ],
  ['a path of the machinery', { aggregates: [{ ...agent, plural: 'streams' }] }, 'streams cannot be a path'],
  ['a path with a slash', { aggregates: [{ ...agent, plural: 'a/b' }] }, 'a/b cannot be a path'],
  [
    'two commands with one path',
    { aggregates: [{ ...agent, commands: { ...agent.commands, state: { body: z.object({}) } } }] },
    'path of a command of agent state is declared twice',
  ],
  [
    'a command without a path',
    { aggregates: [{ ...agent, commands: { 'Do it': { body: z.object({}) } } }] },
    'Do it cannot be a path',
  ],
  [
    'the view of another aggregate',
    { aggregates: [{ ...agent, view: { projection: { ...status, aggregateType: 'task' } } }] },
    'its view agent-status is of task streams',
  ],
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
    { sagas: [saga], events: without('task.requested') },
    'task.requested is not a known',
  ],
  ['a saga without its answers', { sagas: [saga], events: without('task.failed') }, 'task.failed is not a known'],
])('refuses %s', (_, parts, message) => {
  expect(() => defineAnnals({ events: parts.modules ? [] : agents.events, ...parts })).toThrow(message);
});

it('has the settings that it declares, and refuses those that do not exist when they are read', () => {
  const { snapshots } = settingsOf(defineAnnals({ eventSystem: { snapshots: { frequency: 7 } } }));
  expect(snapshots).toMatchObject({ enabled: true, frequency: 7 });
  const wrong = defineAnnals({ eventSystem: { snapshots: { frequency: 0 } } });
  expect(() => settingsOf(wrong)).toThrow('event_system.snapshots.frequency');
});
