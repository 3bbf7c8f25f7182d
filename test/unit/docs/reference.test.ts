import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { commandLinePage, eventsPage, operationsPage } from '../../support/reference-pages.ts';

// `npx vitest run test/unit/docs -u` writes these pages anew.
it.each([
  ['cli.md', 'the command line', commandLinePage],
  ['operations.md', 'the routes', operationsPage],
  ['events.md', 'the catalogue', eventsPage],
])('docs/reference/%s says what %s says', async (name, _, page) => {
  const text = page();
  expect(text).not.toContain('undefined');
  await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(`../../../docs/reference/${name}`, import.meta.url)));
});
