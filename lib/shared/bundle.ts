import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync, type Metafile } from 'esbuild';
import { type FunctionName, functionNames } from '../../functions/environment.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** The command function answers people and agents who wait: every 100 KB of code costs about 20 ms of its cold start. */
export const MAX_COMMAND_BYTES = 600 * 1024;

export interface Bundle {
  readonly name: FunctionName;
  /** Folder that holds `index.mjs` and what it imports, and nothing else: the function's code asset. */
  readonly directory: string;
  /** What is loaded at a cold start; what is imported later, on demand, lies in files of its own and does not count. */
  readonly bytes: number;
}

/**
 * Bundles every function, AWS SDK included, as `<outdir>/<name>/index.mjs`; the list of what went in lies beside it as
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
  rmSync(directory, { recursive: true, force: true }); // the names of files depend on what is in them
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
    // ES modules first: they can be tree-shaken, the CommonJS builds of the same packages cannot.
    mainFields: ['module', 'main'],
    // The SDK tries these after the environment, where Lambda puts a function's credentials; so they are never loaded.
    external: ['ini', 'login', 'process', 'sso', 'web-identity'].map((kind) => `@aws-sdk/credential-provider-${kind}`),
    // CommonJS packages in the bundle, such as the X-Ray SDK, require modules of Node, and an ES module has no `require`.
    // `createRequire` would do the same and costs some 2 ms at each start.
    banner: { js: 'const require=name=>process.getBuiltinModule(name);' },
    minify: true,
    // Errors are named after their classes, in logs and in answers.
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

/** The entry and all that it imports by statement, directly or not. */
function bytesAtStart({ outputs }: Metafile): number {
  const loaded = new Set(Object.keys(outputs).filter((path) => outputs[path]?.entryPoint?.startsWith('functions/')));
  for (const path of loaded) {
    for (const { kind, path: imported } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement' && imported in outputs) loaded.add(imported); // a set is walked to its growing end
    }
  }
  return [...loaded].reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0);
}
