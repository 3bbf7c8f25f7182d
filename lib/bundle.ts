import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { type FunctionName, functionNames } from '../functions/environment.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** The command function answers people and agents who wait: every 100 KB of code costs about 20 ms of its cold start. */
export const MAX_COMMAND_BYTES = 600 * 1024;

export interface Bundle {
  readonly name: FunctionName;
  /** Folder that holds `index.mjs` and nothing else: the function's code asset. */
  readonly directory: string;
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
  const outfile = join(directory, 'index.mjs');
  mkdirSync(directory, { recursive: true });
  const { metafile } = buildSync({
    absWorkingDir: PROJECT,
    entryPoints: [`functions/${name}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // ES modules first: they can be tree-shaken, the CommonJS builds of the same packages cannot.
    mainFields: ['module', 'main'],
    // The SDK tries these after the environment, where Lambda puts a function's credentials; so they are never loaded.
    external: ['ini', 'login', 'process', 'sso', 'web-identity'].map((kind) => `@aws-sdk/credential-provider-${kind}`),
    minify: true,
    // Errors are named after their classes, in logs and in answers.
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  });
  writeFileSync(join(outdir, `${name}.meta.json`), JSON.stringify(metafile));
  const { size: bytes } = statSync(outfile);
  if (name === 'command' && bytes > MAX_COMMAND_BYTES) {
    throw new Error(
      `the command function is ${bytes} bytes, the limit is ${MAX_COMMAND_BYTES}; ${outdir}/command.meta.json shows why`,
    );
  }
  return { name, directory, bytes };
}
