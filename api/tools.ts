import type { Annals } from '../application/define-annals.ts';
import { aggregateCommands } from './aggregates/command-routes.ts';
import { diffQueries } from './aggregates/diff/diff-queries.ts';
import { forkCommands } from './aggregates/fork-commands.ts';
import type { CommandDeps } from './http/command.ts';
import type { Route } from './http/route.ts';
import { type LogDeps, logQueries } from './log/log-queries.ts';
import { mcpRoute } from './mcp/mcp-route.ts';
import type { Mcp } from './mcp/tool.ts';
import { streamQueries } from './streams/stream-queries.ts';
import type { ViewDeps } from './views/view-queries.ts';
import { aggregateViews } from './views/view-routes.ts';

/** The parts that the tools of agents need: those of reads and of commands. */
export type ToolDeps = CommandDeps & LogDeps & ViewDeps;

/** Names of tools that do not follow from the name of their operation: `getAgent` is `get_agent`. */
const names: Readonly<Record<string, string>> = {
  readStream: 'read_history',
  recordAgentStep: 'record_step',
  searchStream: 'search_history',
};

/** The parts of an application that agents see over MCP: the routes of its aggregates, their histories, and the log. */
export const mcpOf = (annals: Annals): Mcp<ToolDeps> => ({
  routes: [
    ...aggregateViews(annals.aggregates),
    ...streamQueries(annals.catalogue),
    ...diffQueries(annals),
    ...forkCommands(annals.aggregates),
    ...aggregateCommands(annals.aggregates),
    ...logQueries(annals.catalogue),
  ] satisfies readonly Route<ToolDeps>[],
  names,
});

/** The route of MCP. It reads and writes, so it needs the parts of both. */
export const mcpRoutes = (annals: Annals): readonly Route<ToolDeps>[] => [mcpRoute(() => mcpOf(annals))];
