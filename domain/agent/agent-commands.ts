import * as z from 'zod';
import { commandRoute } from '../../api/http/command-route.ts';
import { id } from '../../core/events/envelope.ts';
import { agentCreated, agentState, agentStateChanged, agentStepRecorded } from '../../events/agent.ts';
import { agentDecider } from './agent.ts';

export const agentAnswer = z.strictObject({ agentId: id, version: z.int().positive() });
export const agentStateAnswer = agentAnswer.extend({ state: agentState });

const command = commandRoute(agentDecider, {
  answer: agentAnswer,
  reply: ({ id: agentId, version }) => ({ agentId, version }),
});

export const agentCommands = [
  command({
    name: 'createAgent',
    path: '/agents',
    summary: 'Create an agent',
    body: agentCreated.data.omit({ agentId: true, metadata: true }),
    command: (data) => ({ kind: 'create', ...data }),
    done: 'Created',
  }),
  command(
    {
      name: 'changeAgentState',
      path: '/agents/{agentId}/state',
      summary: 'Bring an agent into a state',
      description: 'Writes nothing when the agent is in that state already.',
      body: agentStateChanged.data.pick({ newState: true, reason: true }),
      command: (data) => ({ kind: 'change-state', ...data }),
      status: 200,
      done: 'The agent is in this state',
    },
    {
      answer: agentStateAnswer,
      reply: ({ id: agentId, state: { state }, version }) => ({ agentId, state: agentState.parse(state), version }),
    },
  ),
  command({
    name: 'recordAgentStep',
    path: '/agents/{agentId}/steps',
    summary: 'Record a step of an agent: what it thought, did and saw',
    body: agentStepRecorded.data.omit({ agentId: true }),
    command: (data) => ({ kind: 'record-step', ...data }),
    done: 'Recorded',
  }),
];
