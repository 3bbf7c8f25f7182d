#!/usr/bin/env node
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { PartitionStrategy } from '../core/log/partition.ts';
import { Annals } from '../lib/annals.ts';
import type { Stage } from '../lib/shared/config.ts';

// The app that `cdk` deploys. Its context: `-c stage=dev|staging|prod`, `-c clients=<name>,<name>` (each client gets a key and
// a quota; prod needs clients or `none`), `-c waf=true` (a web ACL), `-c trail=true` (CloudTrail records every access to data),
// `-c reserve=false` (reserves no concurrency, for accounts with a low limit), `-c concurrency=<n>` (the
// limit of the account), `-c partitionStrategy=sharded` (for this stage, in place of the value in annals.config.ts).

const app = new App();
const context = (name: string): string => app.node.tryGetContext(name) ?? '';
const clients = context('clients');
const strategy = context('partitionStrategy');
// The id `Default` is no part of logical ids, so the stacks have the ids of a stage that was deployed before the construct was there.
new Annals(app, 'Default', {
  stage: (context('stage') || 'dev') as Stage,
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
  // In place of what annals.config.ts says, which the application declares.
  ...(strategy === '' ? {} : { eventSystem: { store: { partition_strategy: strategy as PartitionStrategy } } }),
});
// The synthesis fails when the AWS Solutions rules have a finding that is not acknowledged.
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
