import '../core/events/catalogue.ts';
import { agentEvents } from './agent.ts';
import { integrationEvents } from './integration.ts';
import { multiAgentTaskEvents } from './multi-agent-task.ts';
import { systemEvents } from './system.ts';
import { taskEvents } from './task.ts';
import { traceEvents } from './trace.ts';
import { workflowEvents } from './workflow.ts';

/** The event types of the module. A new category of events is one file and one line here. */
export const definitions = [
  ...agentEvents,
  ...taskEvents,
  ...traceEvents,
  ...workflowEvents,
  ...multiAgentTaskEvents,
  ...integrationEvents,
  ...systemEvents,
] as const;

declare module '../core/events/catalogue.ts' {
  interface Register {
    readonly agents: typeof definitions;
  }
}
