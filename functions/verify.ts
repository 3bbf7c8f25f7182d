import { createVerification, invoked, logger, metrics } from './runtime.ts';

const verification = createVerification();

/** Once a day: compares every view with what history makes of it, and logs and counts each that is another one. */
export const handler = invoked(async (): Promise<{ differences: number }> => {
  let differences = 0;
  for await (const { projection, streams, differences: found } of verification.run()) {
    logger.info('a projection was verified', { projection, streams, differences: found.length });
    for (const difference of found) logger.error('a view is not what history makes of it', { ...difference });
    differences += found.length;
  }
  metrics.count('view_differences_total', {}, differences);
  return { differences };
});
