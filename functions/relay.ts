import { createRelay, streamHandler } from './runtime.ts';

const relay = createRelay();

/** Publishes the events of new commits to the bus, in their order. */
export const handler = streamHandler((commits) => relay.publish(commits));
