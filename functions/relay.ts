import { createRelay, reportTampering, streamHandler } from './runtime.ts';

const relay = createRelay();

/** Takes new commits into the log and to the bus, in their order. */
export const handler = streamHandler('relay', relay, reportTampering);
