import * as z from 'zod';
import type { CommandDeclarations, CommandOf } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { agentCreated, agentState, agentStateChanged, agentStepRecorded } from '../../events/agent.ts';

const agentStateAnswer = z.strictObject({ agentId: id, version: z.int().positive(), state: agentState });

/** The commands of an agent. */
export const agentCommands = {
  create: {
    creates: true,
    summary: 'Create an agent',
    body: agentCreated.data.omit({ agentId: true, metadata: true }),
    done: 'Created',
  },
  'change-state': {
    operation: 'changeAgentState',
    path: 'state',
    summary: 'Bring an agent into a state',
    description:
      'Writes nothing when the agent is in that state already. In state `waiting` it may say what it waits for and until when.',
    body: agentStateChanged.data.pick({ newState: true, reason: true, waitingFor: true, until: true }),
    status: 200,
    done: 'The agent is in this state',
    answer: agentStateAnswer,
    reply: ({ id: agentId, state, version }) => ({ agentId, state: agentState.parse(state.state), version }),
  },
  'record-step': {
    operation: 'recordAgentStep',
    path: 'steps',
    summary: 'Record a step of an agent: what it thought, did and saw',
    body: agentStepRecorded.data.omit({ agentId: true }),
    done: 'Recorded',
  },
} as const satisfies CommandDeclarations;

/** A command of an agent. */
export type AgentCommand = CommandOf<typeof agentCommands>;
