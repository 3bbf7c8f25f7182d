#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import application from '#application';
import annalsConfig from '../annals.config.ts';
import type { AnnalsConfig } from '../core/base/configuration.ts';
import type { PartitionStrategy } from '../core/log/partition.ts';
import type { FunctionName } from '../functions/environment.ts';
import { addAnnals } from '../lib/app.ts';
import { bundleFunctions } from '../lib/shared/bundle.ts';
import { configure } from '../lib/shared/config.ts';
import { routes } from './templates/routes.ts';

const { sagas } = application;

// The app that `cdk` deploys. Its context: `-c stage=dev|staging|prod`, `-c clients=<name>,<name>` (each client gets a key and
// a quota; prod needs clients or `none`), `-c waf=true` (a web ACL), `-c trail=true` (CloudTrail records every access to data),
// `-c reserve=false` (reserves no concurrency, for accounts with a low limit), `-c concurrency=<n>` (the
// limit of the account), `-c partitionStrategy=sharded` (for this stage, in place of the value in annals.config.ts).

const app = new App();
const context = (name: string): string => app.node.tryGetContext(name) ?? '';
const clients = context('clients');
const stageSettings = {
  stage: context('stage') || 'dev',
  ...(clients ? { clients: clients === 'none' ? [] : clients.split(',').filter(Boolean) } : {}),
  ...(String(context('reserve')) === 'false' ? { reservedConcurrency: undefined } : {}),
  ...(context('concurrency') === '' ? {} : { accountConcurrency: Number(context('concurrency')) }),
  // For emulators without CodeDeploy.
  ...(String(context('gradual')) === 'false' ? { gradualDeployment: false } : {}),
  metricMath: String(context('metricMath')) !== 'false',
  emptyBuckets: String(context('emptyBuckets')) !== 'false',
  ...(context('verifyEveryHours') === '' ? {} : { verifyEveryHours: Number(context('verifyEveryHours')) }),
  waf: String(context('waf')) === 'true',
  trail: String(context('trail')) === 'true',
};
const config = configure(stageSettings, merged(annalsConfig, context('partitionStrategy')));
const bundles = bundleFunctions(fileURLToPath(new URL('../.build/functions', import.meta.url)));
const code = (name: FunctionName) => bundles[name].directory;
for (const { name, bytes } of Object.values(bundles)) {
  console.log(`bundle ${name.padEnd(10)} ${(bytes / 1024).toFixed(0).padStart(4)} KB`);
}
addAnnals(app, { config, routes, sagas, code });

/** What annals.config.ts says, with the partition strategy of this stage. */
function merged(given: AnnalsConfig, strategy: string): AnnalsConfig {
  if (strategy === '') return given;
  const { event_system: system } = given;
  return {
    event_system: { ...system, store: { ...system?.store, partition_strategy: strategy as PartitionStrategy } },
  };
}
