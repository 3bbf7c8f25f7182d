import { createRelay, streamHandler } from './runtime.ts';

const relay = createRelay();

/** Takes new commits into the log and to the bus, in their order. */
export const handler = streamHandler('relay', (commits) => relay.relay(commits));
