import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The folder of the example. */
export const ownDomainExample = join(root, 'examples/own-domain');

/** The example has a package of its own, so it finds `annals` as an installed package. A link stands for the installation. */
export function linkAnnals(): void {
  const modules = join(ownDomainExample, 'node_modules');
  mkdirSync(modules, { recursive: true });
  if (!existsSync(join(modules, 'annals'))) symlinkSync(root, join(modules, 'annals'), 'dir');
}
