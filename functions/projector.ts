import { createProjector, streamHandler } from './runtime.ts';

const apply = createProjector();

/** Brings the views up to date with new commits. */
export const handler = streamHandler('projector', apply);
