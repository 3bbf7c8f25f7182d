import * as z from 'zod';
import { appendOptions, type CommandDeps, newAggregateId, REPEAT, repeatHeader } from '../../api/http/command.ts';
import { type RequestContext, route } from '../../api/http/route.ts';
import { id } from '../../core/events/envelope.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { agentCreated, agentState, agentStateChanged, agentStepRecorded } from '../../events/agent.ts';
import { type AgentCommand, agentDecider } from './agent.ts';

export const createAgentBody = agentCreated.data
  .omit({ metadata: true })
  .extend({ agentId: id.optional().describe('Made when absent') });
export const changeStateBody = agentStateChanged.data.pick({ newState: true, reason: true });
export const recordStepBody = agentStepRecorded.data.omit({ agentId: true });

export const agentAnswer = z.strictObject({ agentId: id, version: z.int().positive() });
export const agentStateAnswer = agentAnswer.extend({ state: agentState });

const params = z.object({ agentId: id });

const run = (agentId: string, command: AgentCommand, context: RequestContext, deps: CommandDeps) =>
  handleCommand(deps.store, agentDecider, agentId, command, appendOptions(context, deps));

export const agentCommands = [
  route({
    name: 'createAgent',
    method: 'POST',
    path: '/agents',
    summary: 'Create an agent',
    body: createAgentBody,
    answer: agentAnswer,
    statuses: { 201: 'Created', 200: REPEAT },
    errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ body: { agentId: given, ...data }, context }, deps: CommandDeps) {
      const agentId = given ?? newAggregateId('agent', context, deps);
      const { version, repeated } = await run(agentId, { kind: 'create', ...data }, context, deps);
      return { status: repeated ? 200 : 201, body: { agentId, version }, headers: repeatHeader(repeated) };
    },
  }),
  route({
    name: 'changeAgentState',
    method: 'POST',
    path: '/agents/{agentId}/state',
    summary: 'Bring an agent into a state',
    description: 'Writes nothing when the agent is in that state already.',
    params,
    body: changeStateBody,
    answer: agentStateAnswer,
    statuses: { 200: 'The agent is in this state' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { agentId }, body, context }, deps: CommandDeps) {
      const { version, repeated } = await run(agentId, { kind: 'change-state', ...body }, context, deps);
      return { status: 200, body: { agentId, state: body.newState, version }, headers: repeatHeader(repeated) };
    },
  }),
  route({
    name: 'recordAgentStep',
    method: 'POST',
    path: '/agents/{agentId}/steps',
    summary: 'Record a step of an agent: what it thought, did and saw',
    params,
    body: recordStepBody,
    answer: agentAnswer,
    statuses: { 201: 'Recorded', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { agentId }, body, context }, deps: CommandDeps) {
      const { version, repeated } = await run(agentId, { kind: 'record-step', ...body }, context, deps);
      return { status: repeated ? 200 : 201, body: { agentId, version }, headers: repeatHeader(repeated) };
    },
  }),
];
