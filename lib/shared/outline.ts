import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { build } from './bundle.ts';

/** A method of the API. */
const route = z.object({
  /** Name of the operation, such as `createAgent`. */
  name: z.string(),
  method: z.string(),
  /** Path with parameters in braces, such as `/agents/{agentId}`. */
  path: z.string(),
  /** False for a method that needs no signature. */
  auth: z.literal(false).optional(),
  /** JSON Schema (draft 4) by which API Gateway checks the body. */
  schema: z.looseObject({}).optional(),
});

/** The events that may end a party of a step. */
const party = z.object({ endedBy: z.array(z.string()).readonly() });

/** The part of a saga's declaration that a state machine needs. */
const saga = z.object({
  name: z.string(),
  description: z.string(),
  startedBy: z.string(),
  answers: z.record(z.string(), z.unknown()),
  steps: z
    .array(
      z.object({
        name: z.string(),
        title: z.string(),
        retries: z.object({ limit: z.number(), delaySeconds: z.number(), maxDelaySeconds: z.number() }),
        party: z.union([party, z.array(party).readonly()]).optional(),
      }),
    )
    .readonly(),
});

const outlineSchema = z.object({
  /** The methods of the API, by the function that answers them. */
  routes: z.object({
    command: z.array(route).readonly(),
    query: z.array(route).readonly(),
    operate: z.array(route).readonly(),
    mcp: z.array(route).readonly(),
    work: z.array(route).readonly(),
  }),
  sagas: z.array(saga).readonly(),
  /** The settings that the application declares. */
  eventSystem: z.looseObject({}).optional(),
});

/** A method of the API. */
export type ApiRoute = z.output<typeof route>;
/** The part of a saga's declaration that a state machine needs. */
export type SagaOutline = z.output<typeof saga>;
/** What a deployment has to know of an application: its routes and its sagas. */
export type Outline = z.output<typeof outlineSchema>;

const outlines = new Map<string | undefined, Outline>();

/**
 * The outline of an application, which `functions/outline.ts` writes. A process of its own loads the application: constructors
 * of CDK cannot wait for an import, and the functions load it in the same form. A process asks once for each application.
 * @param app absolute path of the application's module; by default the application of this package
 * @throws Error when the application cannot be bundled, or throws when it is loaded
 */
export function outlineOf(app?: string): Outline {
  const known = outlines.get(app);
  if (known) return known;
  const outdir = mkdtempSync(join(tmpdir(), 'annals-outline-'));
  try {
    // Packages in CommonJS that the bundle holds may require modules of Node.
    const banner = { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" };
    build('functions/outline', app, { outdir, banner, target: 'node20', sourcemap: 'linked' });
    const file = join(outdir, 'outline.json');
    load(join(outdir, 'index.mjs'), file, app);
    const outline = outlineSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    outlines.set(app, outline);
    return outline;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function load(module: string, file: string, app = 'of agents'): void {
  try {
    execFileSync(process.execPath, ['--enable-source-maps', module, file], { stdio: 'pipe' });
  } catch (cause) {
    throw new Error(`the application ${app} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
}
