import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { BuildOptions, Metafile } from 'esbuild';
import { type FunctionName, functionNames } from '../../functions/environment.ts';

/** The root of this package: the repository, or the folder of the built package, whose layout is the same. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
/** Sources are TypeScript in the repository, and JavaScript in the built package. */
const ENDING = extname(fileURLToPath(import.meta.url));

/** The bundled code of a function. */
export interface Bundle {
  readonly name: FunctionName;
  /** The function's code asset: a folder with `index.mjs` and the files that it imports. */
  readonly directory: string;
  /** Bytes that a cold start loads, without the files that are imported later, on demand. */
  readonly bytes: number;
}

/**
 * The code of the functions of an application. CDK bundles it when it synthesises a stack that needs it.
 * @param app absolute path of the application's module; by default the application of this package
 */
export const functionCode =
  (app?: string) =>
  (name: FunctionName): Code =>
    Code.fromAsset(PACKAGE, {
      // The same sources give the same bytes, so an unchanged function is not deployed again.
      assetHashType: AssetHashType.OUTPUT,
      bundling: {
        // CDK never starts a container, because the local bundling works or throws. The command is part of CDK's cache key.
        image: DockerImage.fromRegistry('none'),
        command: [name, app ?? ''],
        local: {
          tryBundle: (outputDir) => {
            bundle(name, outputDir, app);
            return true;
          },
        },
      },
    });

/** Bundles every function, each to a folder in `outdir`, an absolute path. @throws Error when the sources do not build */
export function bundleFunctions(outdir: string, app?: string): Record<FunctionName, Bundle> {
  const bundles = functionNames.map((name) => {
    const directory = join(outdir, name);
    rmSync(directory, { recursive: true, force: true }); // names of files depend on their content, so old files would stay
    mkdirSync(directory, { recursive: true });
    return [name, { name, directory, bytes: bundle(name, directory, app) }] as const;
  });
  return Object.fromEntries(bundles) as Record<FunctionName, Bundle>;
}

/** Bundles a function, AWS SDK included. @returns bytes that a cold start loads */
function bundle(name: FunctionName, outdir: string, app: string | undefined): number {
  const metafile = build(`functions/${name}`, app, {
    outdir,
    splitting: true,
    target: 'node24',
    // ES modules come first: esbuild can tree-shake them, but not the CommonJS builds of the same packages.
    mainFields: ['module', 'main'],
    // The SDK looks at the environment first, where Lambda puts a function's credentials, so it never loads these.
    // What `openAnnals` loads is for one machine. The function itself is dropped, but esbuild would keep its import.
    external: [
      ...['ini', 'login', 'process', 'sso', 'web-identity'].map((kind) => `@aws-sdk/credential-provider-${kind}`),
      join(PACKAGE, 'entry', `opened${ENDING}`),
    ],
    // CommonJS packages in the bundle, such as the X-Ray SDK, require modules of Node, and an ES module has no `require`.
    // `createRequire` would do the same and costs some 2 ms at each start.
    banner: { js: 'const require=name=>process.getBuiltinModule(name);' },
    minify: true,
  });
  return bytesAtStart(metafile);
}

/**
 * Bundles a module of this package as `<outdir>/index.mjs`, with an application in the place of `#application`.
 * @param source path of the module in this package, without its ending
 * @throws Error when esbuild is not installed, the application's file is not there, or the sources do not build
 */
export function build(source: string, app: string | undefined, options: BuildOptions & { outdir: string }): Metafile {
  if (app !== undefined && !existsSync(app)) {
    throw new Error(`there is no module ${app}: give \`app\` relative to ${resolve()}, or as an absolute path`);
  }
  const { metafile } = esbuild().buildSync({
    absWorkingDir: PACKAGE,
    entryPoints: [{ in: source + ENDING, out: 'index' }],
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    ...(app === undefined ? {} : { alias: { '#application': app } }),
    legalComments: 'none',
    logLevel: 'silent', // errors are thrown
    ...options,
    metafile: true,
  });
  return metafile;
}

/**
 * Loads esbuild at its first use, so that whoever imports a type or a name from this package needs none.
 * @throws Error that names all packages that are missing: those that functions need are optional where none is deployed
 */
function esbuild(): typeof import('esbuild') {
  const need = createRequire(import.meta.url);
  const { peerDependencies = {} }: { peerDependencies?: Record<string, string> } = need(join(PACKAGE, 'package.json'));
  const missing = Object.entries({ esbuild: '*', ...peerDependencies }).filter(([name]) => !isInstalled(need, name));
  if (missing.length === 0) return need('esbuild');
  const list = missing.map(([name, range]) => `"${name}@${range}"`).join(' ');
  throw new Error(`packages that the functions are bundled with are missing: npm install --save-dev ${list}`);
}

function isInstalled(need: NodeJS.Require, name: string): boolean {
  try {
    need.resolve(name);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND'; // it may be there and export nothing to `require`
  }
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
