import * as z from 'zod';
import type { StreamVersion } from '../../core/base/versions.ts';
import { id } from '../../core/events/envelope.ts';
import { jsonObject } from '../../core/events/json.ts';
import { storedInstant } from '../../core/events/stored-form.ts';
import type { AgentStatus } from '../../domain/agent/agent-status.ts';
import type { TaskStatus } from '../../domain/task/task-status.ts';
import type { WorkflowStatus } from '../../domain/workflow/workflow-status.ts';
import { agentState } from '../../events/agent.ts';
import { nextPage } from '../http/page.ts';

const count = z.int().nonnegative();
const durationMs = z.number().nonnegative().describe('Sum, milliseconds');

const common = {
  version: z.int().positive().describe('The sequence number of the last applied event'),
  createdAt: storedInstant,
  lastUpdated: storedInstant,
};

interface Versioned {
  readonly version: StreamVersion;
}

export type AgentView = AgentStatus & Versioned;
export const agentView: z.ZodType<AgentView> = z
  .strictObject({
    ...common,
    agentId: id,
    agentType: z.string(),
    state: agentState,
    createdBy: z.string(),
    parentId: id.exactOptional().describe('The agent that it works for'),
    configuration: jsonObject,
    reason: z.string().exactOptional().describe('The reason for the latest change of state'),
    steps: count,
    stateChanges: count,
    durationMs,
    usage: z.record(z.string(), z.number()).describe('Sums of the usage of its steps, by name'),
    lastAction: z.string().exactOptional().describe('The start of the last action'),
    forkedFrom: z
      .strictObject({ agentId: id, version: z.int().positive() })
      .exactOptional()
      .describe('The parent of a fork, and the last shared event'),
  })
  .meta({ id: 'AgentView' });

export const agentsPage = z.strictObject({ agents: z.array(agentView), next: nextPage });

export const taskState = z.enum(['requested', 'completed', 'failed']);

export type TaskView = TaskStatus & Versioned;
export const taskView: z.ZodType<TaskView> = z
  .strictObject({
    ...common,
    taskId: id,
    state: taskState,
    requiredAgents: z.array(id),
    assignedAgents: z.array(id).describe('Agents at work'),
    completedAgents: z.array(id),
    failedAgents: z.array(id),
    deadlineSeconds: count,
    durationMs,
    error: z
      .union([z.string(), jsonObject])
      .exactOptional()
      .describe('The error of the first failure, or the reason of the release'),
  })
  .meta({ id: 'TaskView' });

export const tasksPage = z.strictObject({ tasks: z.array(taskView), next: nextPage });

export const workflowState = z.enum(['started', 'running', 'completed', 'failed']);

export type WorkflowView = WorkflowStatus & Versioned;
export const workflowView: z.ZodType<WorkflowView> = z
  .strictObject({
    ...common,
    workflowId: id,
    workflowType: z.string(),
    state: workflowState,
    initiatedBy: z.string(),
    parameters: jsonObject,
    steps: count,
    lastStepId: id.exactOptional(),
    lastStepType: z.string().exactOptional(),
    nextStep: z.string().exactOptional(),
    assigned: z
      .strictObject({ stepId: id, agentType: z.string(), attempt: z.int().positive() })
      .exactOptional()
      .describe('The step that waits for an agent of a type'),
    error: z.union([z.string(), jsonObject]).exactOptional().describe('The error of the latest failed step'),
  })
  .meta({ id: 'WorkflowView' });

export const workflowsPage = z.strictObject({ workflows: z.array(workflowView), next: nextPage });

/** A view of any projection. */
export const anyView = z.looseObject({
  version: common.version.exactOptional().describe('Absent in views that many streams feed'),
});
