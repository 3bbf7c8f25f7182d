import * as z from 'zod';
import { defineEvent } from './define.ts';
import { id } from './envelope.ts';
import { requiredAgents } from './task.ts';

export const multiAgentTaskCompleted = defineEvent({
  type: 'multi-agent-task.completed',
  kind: 'domain',
  version: 1,
  aggregateType: 'saga',
  description: 'Every required agent completed its part of a task.',
  data: z.strictObject({ taskId: id, completedAgents: requiredAgents }),
  sensitive: [],
});

export const sagaEvents = [multiAgentTaskCompleted] as const;
