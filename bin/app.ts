#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import annalsConfig from '../annals.config.ts';
import { commandRoutes } from '../api/commands.ts';
import { queryRoutes } from '../api/queries.ts';
import type { FunctionName } from '../functions/environment.ts';
import { addAnnals } from '../lib/app.ts';
import { bundleFunctions } from '../lib/bundle.ts';
import { configure } from '../lib/config.ts';

// The deployment, as `cdk` runs it: `-c stage=dev|staging|prod` says which stage.

const app = new App();
const config = configure({ stage: app.node.tryGetContext('stage') ?? 'dev' }, annalsConfig);
const bundles = bundleFunctions(fileURLToPath(new URL('../.build/functions', import.meta.url)));
const code = (name: FunctionName) => bundles[name].directory;
for (const { name, bytes } of Object.values(bundles)) {
  console.log(`bundle ${name.padEnd(10)} ${(bytes / 1024).toFixed(0).padStart(4)} KB`);
}
addAnnals(app, { config, routes: { command: commandRoutes, query: queryRoutes }, code });
