#!/usr/bin/env node
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';
import * as z from 'zod';
import { Annals } from '../lib/annals.ts';
import { findPython, installTool } from './cloud/python.ts';
import { CommandFailed, cloudFolder, run } from './cloud/shell.ts';
import { type Variant, variants } from './templates/variants.ts';

// Runs CloudFormation's linter on the templates of every variant, in stacks of its own and in a stack of a caller, for a
// region of each kind. The linter checks properties of resource types by region, which an emulator does not. Exits with 69
// without Python 3.10 or newer.

const CFN_LINT = { name: 'cfn-lint', version: '1.58.0' };
/** Two common regions, a region of China, and a region of GovCloud. */
const REGIONS = ['us-east-1', 'eu-central-1', 'cn-north-1', 'us-gov-west-1'];
/** Exit code without Python: EX_UNAVAILABLE of sysexits, as in `bin/cloud.ts`. */
const UNAVAILABLE = 69;

/** Findings that need no change, each with the reason. */
const acknowledged: Readonly<Record<string, string>> = {
  W3005: 'CDK writes DependsOn for a role beside the reference to it: redundant, and without effect on the order.',
};

const findings = z.array(
  z.object({ Rule: z.object({ Id: z.string() }), Message: z.string(), Filename: z.string(), Level: z.string() }),
);

function synthesize({ name, settings, annalsConfig }: Variant, folder: string, inOneStack: boolean): string[] {
  const outdir = join(folder, inOneStack ? `${name}-in-one-stack` : name);
  const app = new App({ outdir, context: { [BUNDLING_STACKS]: [] } }); // the code of functions is no part of a template
  const scope = inOneStack ? new Stack(app, 'Caller') : app;
  new Annals(scope, 'Default', { ...settings, eventSystem: annalsConfig?.event_system });
  app.synth();
  return readdirSync(outdir)
    .filter((file) => file.endsWith('.template.json'))
    .map((file) => join(outdir, file));
}

async function lint(python: string): Promise<boolean> {
  const folder = join(cloudFolder, 'templates');
  rmSync(folder, { recursive: true, force: true });
  const templates = [false, true].flatMap((inOneStack) =>
    variants.flatMap((variant) => synthesize(variant, folder, inOneStack)),
  );
  const program = await installTool(python, cloudFolder, CFN_LINT);
  const options = ['--format', 'json', '--non-zero-exit-code', 'none', '--regions', ...REGIONS];
  const found = findings.parse(JSON.parse(await run(program, [...options, '--', ...templates])));
  const byRule = Object.groupBy(found, ({ Rule }) => Rule.Id);
  const open = found.filter(({ Rule }) => !(Rule.Id in acknowledged));
  const unused = Object.keys(acknowledged).filter((rule) => !(rule in byRule));
  for (const { Rule, Message, Filename } of open) console.log(`${Rule.Id} ${Filename}: ${Message}`);
  for (const rule of unused) console.log(`${rule} is acknowledged and not found any more: remove it from the list`);
  const answered = Object.keys(acknowledged).map((rule) => `${rule} ${byRule[rule]?.length ?? 0} times`);
  console.log(
    `cfn-lint ${CFN_LINT.version}: ${templates.length} templates of ${variants.length} variants in ${REGIONS.length} regions, ` +
      `${open.length} findings; acknowledged: ${answered.join(', ')}`,
  );
  return templates.length > 0 && open.length === 0 && unused.length === 0;
}

const python = await findPython();
if (python === undefined) {
  console.error('cfn-lint needs Python 3.10 or newer with venv (https://www.python.org)');
  process.exitCode = UNAVAILABLE;
} else {
  const clean = await lint(python).catch((error: unknown) => {
    console.error(error instanceof CommandFailed ? error.message : error);
    return false;
  });
  process.exitCode = clean ? 0 : 1;
}
