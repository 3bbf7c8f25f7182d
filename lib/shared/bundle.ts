import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync, type Metafile } from 'esbuild';
import { type FunctionName, functionNames } from '../../functions/environment.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** Callers wait for the command function, and every 100 KB of code cost about 20 ms of its cold start. */
export const MAX_COMMAND_BYTES = 600 * 1024;

/** The bundled code of a function. */
export interface Bundle {
  readonly name: FunctionName;
  /** The function's code asset: a folder with `index.mjs` and the files that it imports. */
  readonly directory: string;
  /** Bytes that a cold start loads, without the files that are imported later, on demand. */
  readonly bytes: number;
}

/**
 * Bundles every function, AWS SDK included, as `<outdir>/<name>/index.mjs`. The list of its sources is
 * `<outdir>/<name>.meta.json`. The same sources give the same bytes, so an unchanged function is not deployed again.
 * @param outdir absolute path
 * @throws Error when the command function is larger than {@link MAX_COMMAND_BYTES}, or the sources do not build
 */
export function bundleFunctions(outdir: string): Record<FunctionName, Bundle> {
  const bundles = Object.fromEntries(functionNames.map((name) => [name, bundle(name, outdir)]));
  return bundles as Record<FunctionName, Bundle>;
}

function bundle(name: FunctionName, outdir: string): Bundle {
  const directory = join(outdir, name);
  rmSync(directory, { recursive: true, force: true }); // names of files depend on their content, so old files would stay
  mkdirSync(directory, { recursive: true });
  const { metafile } = buildSync({
    absWorkingDir: PROJECT,
    entryPoints: [{ in: `functions/${name}.ts`, out: 'index' }],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // ES modules come first: esbuild can tree-shake them, but not the CommonJS builds of the same packages.
    mainFields: ['module', 'main'],
    // The SDK looks at the environment first, where Lambda puts a function's credentials, so it never loads these.
    external: ['ini', 'login', 'process', 'sso', 'web-identity'].map((kind) => `@aws-sdk/credential-provider-${kind}`),
    // CommonJS packages in the bundle, such as the X-Ray SDK, require modules of Node, and an ES module has no `require`.
    // `createRequire` would do the same and costs some 2 ms at each start.
    banner: { js: 'const require=name=>process.getBuiltinModule(name);' },
    minify: true,
    // Logs and answers contain the names of error classes.
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  });
  writeFileSync(join(outdir, `${name}.meta.json`), JSON.stringify(metafile));
  const bytes = bytesAtStart(metafile);
  if (name === 'command' && bytes > MAX_COMMAND_BYTES) {
    throw new Error(
      `the command function is ${bytes} bytes, the limit is ${MAX_COMMAND_BYTES}; ${outdir}/command.meta.json shows why`,
    );
  }
  return { name, directory, bytes };
}

/** The size of the entry and of all files that it imports by statement, directly or not. */
function bytesAtStart({ outputs }: Metafile): number {
  const loaded = new Set(Object.keys(outputs).filter((path) => outputs[path]?.entryPoint?.startsWith('functions/')));
  for (const path of loaded) {
    for (const { kind, path: imported } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement' && imported in outputs) loaded.add(imported); // the loop also visits the paths that are added here
    }
  }
  return [...loaded].reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0);
}
