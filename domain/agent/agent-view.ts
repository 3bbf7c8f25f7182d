import * as z from 'zod';
import type { AggregateView } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { jsonObject } from '../../core/events/json.ts';
import { storedInstant } from '../../core/events/stored-form.ts';
import { timesSchema } from '../../core/projections/times.ts';
import { agentState } from '../../events/agent.ts';
import { type AgentStatus, agentStatus } from './agent-status.ts';

const count = z.int().nonnegative();

/** The members of an agent's view. */
export const agentViewSchema = () =>
  z.strictObject({
    ...timesSchema,
    agentId: id,
    agentType: z.string(),
    state: agentState,
    createdBy: z.string(),
    parentId: id.exactOptional().describe('The agent that it works for'),
    configuration: jsonObject,
    reason: z.string().exactOptional().describe('The reason for the latest change of state'),
    waitingFor: z.string().exactOptional().describe('What a waiting agent waits for'),
    until: storedInstant.exactOptional().describe('The end of its wait'),
    steps: count,
    stateChanges: count,
    durationMs: z.number().nonnegative().describe('Sum, milliseconds'),
    usage: z.record(z.string(), z.number()).describe('Sums of the usage of its steps, by name'),
    stateSince: storedInstant.exactOptional().describe('When the latest change of state happened'),
    lastAction: z.string().exactOptional().describe('The start of the action that happened last'),
    lastActionAt: storedInstant.exactOptional().describe('When it happened'),
    forkedFrom: z
      .strictObject({ agentId: id, version: z.int().positive() })
      .exactOptional()
      .describe('The parent of a fork, and the last shared event'),
  } satisfies Record<keyof AgentStatus, z.ZodType>);

const name = z.string().min(1).max(128);

/** The view of an agent, and the list of agents. */
export const agentView: AggregateView<AgentStatus> = {
  projection: agentStatus,
  schema: agentViewSchema,
  summary: 'The state, work and usage of an agent',
  listSummary: 'List agents, by state, type, creator or parent',
  filters: {
    agentType: { value: name, passes: (view, type) => view.agentType === type },
    createdBy: { value: name, passes: (view, creator) => view.createdBy === creator },
    parentId: {
      value: id.describe('The agent that they work for'),
      passes: (view, parentId) => view.parentId === parentId,
    },
  },
};
