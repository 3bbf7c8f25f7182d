import type { Annals } from '../application/define-annals.ts';
import { aggregateCommands } from './aggregates/command-routes.ts';
import { forkCommands } from './aggregates/fork-commands.ts';
import { eventTypeCommands } from './event-types/event-type-commands.ts';
import { claudeCodeHooks } from './hooks/claude-code-hooks.ts';
import type { CommandDeps } from './http/command.ts';
import type { Route } from './http/route.ts';
import { otlpRoutes } from './otlp/otlp-routes.ts';
import { sagaCommands } from './sagas/saga-commands.ts';
import { batchCommands } from './streams/batch-commands.ts';
import { streamCommands } from './streams/stream-commands.ts';

/** Every route of an application that writes. These routes need no view store, so their function stays small. */
export const commandRoutes = ({ catalogue, aggregates, sagas, receives }: Annals): readonly Route<CommandDeps>[] => [
  ...streamCommands(catalogue),
  ...batchCommands,
  ...eventTypeCommands,
  ...aggregateCommands(aggregates),
  ...forkCommands(aggregates),
  ...sagaCommands(sagas),
  ...(receives.includes('otlp') ? otlpRoutes : []),
  ...(receives.includes('claude-code') ? claudeCodeHooks : []),
];
