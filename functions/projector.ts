import { createProjector, streamHandler } from './runtime.ts';

const projector = createProjector();

/** Brings the views up to date with new commits. */
export const handler = streamHandler((commits) => projector.apply(commits));
