import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { configurationPage } from '../../support/configuration-page.ts';

const page = fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url));

it('docs/configuration.md says of every setting what the schema says', async () => {
  const text = configurationPage();
  expect(text).not.toContain('undefined');
  await expect(text).toMatchFileSnapshot(page);
});
