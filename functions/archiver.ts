import { createArchiver, createSweep, invoked } from './runtime.ts';

const archiver = createArchiver();
const sweep = createSweep();

/** Takes old pages of the log to the archive, and removes bodies of commits that were never written; the answer says how many. */
export const handler = invoked(async () => {
  const archived = await archiver.run();
  return { ...archived, swept: await sweep() };
});
