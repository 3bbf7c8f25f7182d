import { eventId } from './source-event.ts';

/**
 * The id of the event of a call of the model by Claude Code. Logs, spans and the file of the session give the id of the
 * request, so whichever comes first tells the call.
 */
export const callId = (agentId: string, request: string): string => eventId(agentId, `request:${request}`);
