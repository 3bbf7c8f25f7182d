import { createArchiver } from './runtime.ts';

const archiver = createArchiver();

/** Takes old pages of the log to the archive; the answer says how many. */
export const handler = () => archiver.run();
