import type { JsonObject } from '../../core/events/json.ts';
import type { AgentEvent, Creation } from './agent-stream.ts';
import type { Step } from './told-span.ts';

/** What a log record tells of an agent. A span of a program that tells the same in logs is read alike. */
export interface LoggedEvent {
  readonly agentId: string;
  /** Without a type when the record does not tell it. */
  readonly creation: Omit<Creation, 'agentType'> & Partial<Pick<Creation, 'agentType'>>;
  readonly events: readonly AgentEvent[];
}

/** The event of a step. @param id the same whenever the record arrives again */
export function stepEvent(id: string, at: number, { usage, ...data }: Step, metadata: JsonObject = {}): AgentEvent {
  return { id, type: 'agent.step-recorded', at, data: { ...data, ...(usage && { usage }) }, metadata };
}
