import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';

const root = join(import.meta.dirname, '..');
const { positionals } = parseArgs({ allowPositionals: true });
const folder = resolve(positionals[0] ?? join(root, '.build', 'annals-client'));

/** Builds the package `annals-client` into a folder, `.build/annals-client` by default. */
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeManifest();
const bundled = bundle();
emitTypes();
copyFileSync(join(root, 'client', 'package', 'README.md'), join(folder, 'README.md'));
copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
writeFileSync(join(folder, 'LICENSES-OF-PARTS'), readLicenses(bundled));
process.stdout.write(`${folder}\n`);

/** The package depends on zod for its types only: the types refer to schemas, and the code is bundled. */
function writeManifest(): void {
  const { version, dependencies } = readJson(join(root, 'package.json'));
  const manifest = readJson(join(root, 'client', 'package', 'package.json'));
  const complete = { ...manifest, version, dependencies: { zod: `^${dependencies.zod}` } };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(complete, undefined, 2)}\n`);
}

/** Bundles the client; the platform `neutral` refuses modules of Node. @returns the packages in the bundle */
function bundle(): readonly string[] {
  const { metafile } = buildSync({
    entryPoints: [join(root, 'client', 'index.ts')],
    outfile: join(folder, 'index.js'),
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    metafile: true,
  });
  const packages = Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/([^/@]+)\//.exec(path)?.[1] ?? []);
  return [...new Set(packages)];
}

function emitTypes(): void {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['-p', 'tsconfig.client.json', '--outDir', join(folder, 'types')];
  execFileSync(process.execPath, [tsc, ...options], { cwd: root, stdio: 'inherit' });
}

function readLicenses(packages: readonly string[]): string {
  const texts = packages.map((name) => {
    const home = join(root, 'node_modules', name);
    const file = readdirSync(home).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no licence file; bundle another package`);
    return `${name} ${readJson(join(home, 'package.json')).version}\n\n${readFileSync(join(home, file), 'utf8')}`;
  });
  return texts.join('\n\n');
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
