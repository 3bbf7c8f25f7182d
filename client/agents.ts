import type { EventData } from '../core/events/catalogue.ts';
import type { JsonObject } from '../core/events/json.ts';
import type { AgentState } from '../events/agent.ts';
import * as answers from './answers.ts';
import {
  Area,
  type Happened,
  type Optional,
  type PageQuery,
  type RequestOptions,
  segment,
  type ViewOptions,
} from './requests.ts';

/** How the work of a fork goes on. Every member is optional. */
export type ForkOrder = Partial<
  Pick<
    EventData<'task.requested'>,
    'requiredAgents' | 'agentType' | 'priority' | 'payload' | 'deadlineSeconds' | 'budget'
  >
>;

/** `client.agents` */
export class Agents extends Area {
  create(body: Optional<EventData<'agent.created'>, 'agentId'> & Happened, options?: RequestOptions) {
    return this.requests.post('/agents', body, answers.agentAnswer, options);
  }

  changeState(
    agentId: string,
    body: {
      readonly newState: AgentState;
      readonly reason: string;
      readonly waitingFor?: string | undefined;
      readonly until?: string | undefined;
    } & Happened,
    options?: RequestOptions,
  ) {
    return this.requests.post(`/agents/${segment(agentId)}/state`, body, answers.agentStateAnswer, options);
  }

  recordStep(
    agentId: string,
    body: Omit<EventData<'agent.step-recorded'>, 'agentId'> & Happened,
    options?: RequestOptions,
  ) {
    return this.requests.post(`/agents/${segment(agentId)}/steps`, body, answers.agentAnswer, options);
  }

  /**
   * Forks an agent: the new agent shares the history up to `atVersion`, and `changes` replace parts of its configuration.
   * With `run` the work goes on from there: a task waits for agents of the type of the agent, unless `run` says otherwise.
   */
  fork(
    agentId: string,
    body: {
      readonly atVersion: number;
      readonly agentId?: string;
      readonly changes?: JsonObject | undefined;
      readonly run?: true | ForkOrder | undefined;
    } & Happened,
    options?: RequestOptions,
  ) {
    return this.requests.post(`/agents/${segment(agentId)}/forks`, body, answers.forkAnswer, options);
  }

  /**
   * Compares two agents, aligned by action: a page of the steps that differ, with totals and the first difference.
   * `full` also shows equal steps, and every event.
   */
  diff(agentId: string, query: { readonly with: string; readonly full?: boolean | undefined } & PageQuery) {
    return this.requests.get(`/agents/${segment(agentId)}/diff`, answers.agentsDiff, query);
  }

  get(agentId: string, options?: ViewOptions) {
    return this.requests.get(`/agents/${segment(agentId)}`, answers.agentView, options);
  }

  /** A page of agents, filtered by state, type, creator or parent. */
  list(
    query: PageQuery & {
      readonly state?: AgentState | undefined;
      readonly agentType?: string | undefined;
      readonly createdBy?: string | undefined;
      readonly parentId?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/agents', answers.agentsPage, query);
  }
}
