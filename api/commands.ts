import { agentCommands } from './agent-commands.ts';
import { batchCommands } from './batch-commands.ts';
import type { CommandDeps } from './command.ts';
import { forkCommands } from './fork-commands.ts';
import type { Route } from './route.ts';
import { sagaCommands } from './saga-commands.ts';
import { streamCommands } from './stream-commands.ts';
import { taskCommands } from './task-commands.ts';
import { workflowCommands } from './workflow-commands.ts';

/** Every route that writes. They need no view store, so a function that only serves these stays small. */
export const commandRoutes: readonly Route<CommandDeps>[] = [
  ...streamCommands,
  ...batchCommands,
  ...agentCommands,
  ...forkCommands,
  ...taskCommands,
  ...workflowCommands,
  ...sagaCommands,
];
