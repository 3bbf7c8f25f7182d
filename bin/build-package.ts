import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { positionals } = parseArgs({ allowPositionals: true });
const folder = resolve(positionals[0] ?? join(root, '.build', 'annals'));

/** Packages that only AWS and its deployment need: who runs Annals on one machine does not install them. */
const OPTIONAL = /^(@aws|@middy|aws|constructs$|esbuild$)/;
/** Packages of which an application and Annals need the same copy. */
const SHARED = /^zod$/;

/**
 * Builds the package `annals` into a folder, `.build/annals` by default. The files keep their places, as JavaScript with
 * types, so that an application and the functions that are bundled with it share their modules.
 */
rmSync(folder, { recursive: true, force: true });
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.package.json', '--outDir', folder], {
  cwd: root,
  stdio: 'inherit',
});
const generated = join('sources', 'otlp', 'messages'); // JavaScript already
cpSync(join(root, generated), join(folder, generated), { recursive: true });
registerInDeclarations();
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), undefined, 2)}\n`);
chmodSync(join(folder, 'bin', 'annals.js'), 0o755);
copyFileSync(join(root, 'entry', 'README.md'), join(folder, 'README.md'));
copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
process.stdout.write(`${folder}\n`);

/**
 * The compiler leaves the path of `declare module` as it is in the source. In the package, modules register at `annals`, as
 * users do: TypeScript merges registrations at two places only in one order of files.
 */
function registerInDeclarations(): void {
  for (const file of globSync('events/**/*.d.ts', { cwd: folder })) {
    const text = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), text.replaceAll(/^declare module '\.[^']*'/gm, "declare module 'annals'"));
  }
}

function manifest() {
  const source = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { name, version, description, license, type, sideEffects, engines, imports, exports } = source;
  const ranges = Object.entries<string>({ ...source.devDependencies, ...source.dependencies });
  const choose = (choice: (name: string) => boolean) =>
    Object.fromEntries(ranges.filter(([name]) => choice(name)).map(([name, version]) => [name, `^${version}`]));
  const optional = choose((name) => OPTIONAL.test(name) && isUsed(name));
  return {
    ...{ name, version, description, license, type, sideEffects, engines },
    bin: { annals: './bin/annals.js' },
    imports: built(imports),
    exports: { ...built(exports), './package.json': './package.json' },
    dependencies: choose((name) => name in source.dependencies && !OPTIONAL.test(name) && !SHARED.test(name)),
    peerDependencies: { ...choose((name) => SHARED.test(name)), ...optional },
    peerDependenciesMeta: Object.fromEntries(Object.keys(optional).map((name) => [name, { optional: true }])),
  };

  /** The tools of the repository are no part of the package. */
  function isUsed(name: string): boolean {
    return name in source.dependencies || /^(aws-cdk-lib|constructs|esbuild)$/.test(name);
  }
}

/** The built files in place of their sources. */
function built(paths: Readonly<Record<string, string>>) {
  const pathsOf = (source: string) => ({
    types: source.replace(/\.ts$/, '.d.ts'),
    default: source.replace(/\.ts$/, '.js'),
  });
  return Object.fromEntries(Object.entries(paths).map(([name, source]) => [name, pathsOf(source)]));
}
