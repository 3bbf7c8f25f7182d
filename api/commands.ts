import { agentCommands } from '../domain/agent/agent-commands.ts';
import { forkCommands } from '../domain/agent/fork-commands.ts';
import { taskCommands } from '../domain/task/task-commands.ts';
import { workflowCommands } from '../domain/workflow/workflow-commands.ts';
import { eventTypeCommands } from './event-types/event-type-commands.ts';
import type { CommandDeps } from './http/command.ts';
import type { Route } from './http/route.ts';
import { sagaCommands } from './sagas/saga-commands.ts';
import { batchCommands } from './streams/batch-commands.ts';
import { streamCommands } from './streams/stream-commands.ts';

/** Every route that writes. These routes need no view store, so their function stays small. */
export const commandRoutes: readonly Route<CommandDeps>[] = [
  ...streamCommands,
  ...batchCommands,
  ...eventTypeCommands,
  ...agentCommands,
  ...forkCommands,
  ...taskCommands,
  ...workflowCommands,
  ...sagaCommands,
];
