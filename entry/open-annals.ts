import type { Annals } from '../application/define-annals.ts';
import type { OpenAnnals, OpenOptions } from './open-application.ts';

export type * from './open-application.ts';

/**
 * Opens an application in this process, with its data in a folder. It needs Node 22.13 or newer, for SQLite.
 * @throws StartupError when the data folder cannot be used; its message says what to do
 */
export async function openAnnals(annals: Annals, options: OpenOptions): Promise<OpenAnnals> {
  const { open } = await import('./opened.ts'); // on demand: definitions alone load no database
  return open(annals, options);
}
