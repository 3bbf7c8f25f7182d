/** The events in the stream of a task. */
export type TaskEvent =
  | 'task.requested'
  | 'task.assigned'
  | 'task.offered'
  | 'task.claimed'
  | 'task.claim-lost'
  | 'task.completed'
  | 'task.failed'
  | 'task.released'
  | 'task.withdrawn';

/** The facts that decisions about a task need. */
export interface Task {
  readonly requested: boolean;
  /** The type of the agents that may claim parts; absent when the task names its agents. */
  readonly agentType?: string;
  /** The parts: the ids of named agents, or numbered for agents of a type. */
  readonly slots: readonly string[];
  readonly parts: ReadonlyMap<string, Part>;
}

/** One part of a task. */
export interface Part {
  /** Assigned to a named agent, or offered to agents of a type. */
  readonly assigned?: true;
  readonly deadline?: string;
  /** Released from a named agent, or withdrawn. */
  readonly released?: true;
  /** The first answer. */
  readonly answer?: 'completed' | 'failed';
  /** The agent that holds or held the part last, by a claim. */
  readonly agentId?: string;
  /** The number of the last claim. */
  readonly fencing?: number;
  /** The last claim holds. */
  readonly isClaimed?: boolean;
}
