import { expect, it } from 'vitest';
import * as z from 'zod';
import { createApi } from '../../../api/api.ts';
import { type AnnalsDeclaration, defineAnnals } from '../../../application/define-annals.ts';
import { defineEvent } from '../../../core/events/define.ts';
import { partiesOf } from '../../../core/sagas/saga.ts';
import { agents } from '../../../domain/agents.ts';

const { events, projections, aggregates, sagas } = agents;
const [agent] = aggregates;
const [status] = projections;
const [saga] = sagas;
const [step] = saga.steps;
const withSaga = (parts: object): AnnalsDeclaration => ({ sagas: [{ ...saga, ...parts } as typeof saga] });
const none = { body: z.strictObject({}) };
const internal = { internal: true, ...none };
const withCommands = (commands: typeof agent.commands | object): AnnalsDeclaration => ({
  aggregates: [{ ...agent, view: undefined, commands: commands as typeof agent.commands }],
});
const common = { kind: 'domain', access: 'open', version: 1, description: 'Something', sensitive: [] } as const;
const data = z.strictObject({ orderId: z.string() });

it.each<[string, AnnalsDeclaration, string]>([
  ['two commands that create', withCommands({ a: { creates: true, ...none }, b: { creates: true, ...none } }), 'a and'],
  ['a path in capitals', withCommands({ doIt: none }), 'doIt cannot be a path; give the command a `path`'],
  ['a body with the id', withCommands({ a: { body: z.object({ agentId: z.string() }) } }), 'of a cannot have agentId'],
  ['a body with a kind', withCommands({ a: { ...internal, body: z.object({ kind: z.string() }) } }), 'have kind'],
  ['a view without its projection', { aggregates: [agent] }, 'its view agent-status is not among the projections'],
  ['an aggregate of sagas', { aggregates: [{ ...agent, aggregateType: 'saga' }] }, 'are of the machinery'],
  [
    'an open event in the streams of sagas',
    { events: [...events, defineEvent({ ...common, type: 'saga.moved', aggregateType: 'saga', data })] },
    'saga.moved: only the machinery writes saga streams',
  ],
  ['a projection without a name', { projections: [{ ...status, name: 'a/b' }] }, 'projection a/b: its name has to be'],
  [
    'a projection without groups',
    { projections: [{ ...status, group: { of: () => 'a', values: [] } }] },
    'its group needs values',
  ],
  [
    'a group without a name',
    { projections: [{ ...status, group: { of: () => '', values: [''] } }] },
    'its group needs values',
  ],
  ['a saga whose name is no name', withSaga({ name: 'a:b' }), 'saga a:b: its name has to be'],
  ['a saga without steps', withSaga({ steps: [] }), 'it needs a step'],
  ['a saga with a step twice', withSaga({ steps: [step, step] }), 'assign is declared'],
  ['a step without a name', withSaga({ steps: [{ ...step, name: 'A B' }] }), 'A B has'],
  [
    'an answer that is not in the stream of the subject',
    withSaga({ answers: { ...saga.answers, 'agent.created': { item: () => 'a' } } }),
    'agent.created is not in task streams',
  ],
  [
    'the end of a party in other streams',
    withSaga({
      steps: [
        { ...step, party: partiesOf<never>(step as never).map((party) => ({ ...party, aggregateType: 'task' })) },
      ],
    }),
    'is not in task streams',
  ],
])('refuses %s', (_, parts, message) => {
  expect(() => defineAnnals({ events, ...parts })).toThrow(message);
});

it('takes commands that have no route whatever their names, and several internal ones that create', () => {
  const commands = { doIt: internal, first: { creates: true, ...internal }, second: { creates: true, ...none } };
  expect(defineAnnals({ events, ...withCommands(commands) }).aggregates).toHaveLength(1);
});

it('refuses two operations of one name, and a name that generators cannot take', () => {
  const serve = (commands: object, projection = status) => {
    const annals = defineAnnals({
      events,
      aggregates: [{ ...agent, commands: commands as never }],
      projections: [projection],
    });
    return () => createApi(annals, {} as never);
  };
  expect(serve({ get: none })).toThrow('the name getAgent is that of /agents/{agentId}/get, too; give the command');
  expect(serve({ größe: { ...none, path: 'size' } })).toThrow('is not in letters and digits');
  expect(serve({ get: { ...none, operation: 'takeAgent' } })).not.toThrow();
});

it.each<[string, object, string]>([
  ['a name without a subject', { type: 'placed' }, 'event type placed must be <subject>.<what-happened>'],
  ['an aggregate type with a hyphen', { aggregateType: 'my-order' }, 'the aggregate type my-order must be 1 to 32'],
  ['an aggregate type in capitals', { aggregateType: 'Order' }, 'the aggregate type Order must be'],
  ['the id of a stream in a member that is not there', { streamIds: ['order'] }, 'its data has no member order'],
  ['a secret in a member that is not there', { sensitive: ['order'] }, 'its data has no member order'],
])('refuses an event type with %s', (_, parts, message) => {
  expect(() => defineEvent({ ...common, type: 'order.placed', aggregateType: 'order', data, ...parts })).toThrow(
    message,
  );
});
