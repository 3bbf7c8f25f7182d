import { catalogueOf } from '../core/events/catalogue.ts';
import { eventTypeEvents } from '../core/events/event-type.ts';
import { sagaEvents } from '../core/events/saga.ts';
import { agentEvents } from './agent.ts';
import { integrationEvents } from './integration.ts';
import { multiAgentTaskEvents } from './multi-agent-task.ts';
import { systemEvents } from './system.ts';
import { taskEvents } from './task.ts';
import { workflowEvents } from './workflow.ts';

/** Every event type there is. A new category of events is one file and one line here. */
export const definitions = [
  ...agentEvents,
  ...taskEvents,
  ...workflowEvents,
  ...sagaEvents,
  ...eventTypeEvents,
  ...multiAgentTaskEvents,
  ...integrationEvents,
  ...systemEvents,
] as const;

declare module '../core/events/catalogue.ts' {
  interface Register {
    readonly agents: typeof definitions;
  }
}

/** The event types of the application, for the parts of core. None is retired so far; see docs/versions.md. */
export const catalogue = catalogueOf(definitions, { retired: [] });

/** Parses an event of a caller: known type, valid data, no unknown member. */
export const newEventSchema = catalogue.newEvent;

/** Parses an event that readers and the bus get. Marked as pure: only functions that use it build it. */
export const recordedEventSchema = /* @__PURE__ */ catalogue.recordedEvent();
