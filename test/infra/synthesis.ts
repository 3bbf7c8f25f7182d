import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { routes } from '../../bin/templates/routes.ts';
import type { AnnalsConfig } from '../../core/base/configuration.ts';
import { agents } from '../../domain/agents.ts';
import { addAnnals } from '../../lib/app.ts';
import { configure, type Stage } from '../../lib/shared/config.ts';

const { sagas } = agents;

export { routes };

/** Stands in for the bundles, which tests of templates do not need. */
function noCode(): string {
  const directory = mkdtempSync(join(tmpdir(), 'annals-code-'));
  writeFileSync(join(directory, 'index.mjs'), 'export const handler = async () => {};\n');
  return directory;
}

/** The whole app of a stage, not yet synthesised. */
export function build(stage: Stage, annalsConfig: AnnalsConfig = {}, settings: object = {}) {
  const app = new App({ outdir: mkdtempSync(join(tmpdir(), 'annals-cdk-')) });
  const directory = noCode();
  const clients = stage === 'prod' ? { clients: ['fleet'] } : {};
  const config = configure({ stage, ...clients, ...settings }, annalsConfig);
  return { app, stacks: addAnnals(app, { config, routes, sagas, code: () => directory }) };
}

/** Functions of ours in a template: CDK brings another, which empties buckets before their stack is destroyed. */
export const functionsIn = (template: Template) =>
  Object.values(template.findResources('AWS::Lambda::Function')).filter(({ Properties }) =>
    String(Properties.Description).startsWith('Annals: '),
  );

/** The templates of a stage as CloudFormation gets them. */
export function synthesize(stage: Stage, annalsConfig: AnnalsConfig = {}, settings: object = {}) {
  const { app, stacks } = build(stage, annalsConfig, settings);
  return {
    app,
    alarms: Template.fromStack(stacks.alarms),
    data: Template.fromStack(stacks.data),
    bus: Template.fromStack(stacks.bus),
    replay: Template.fromStack(stacks.replay),
    api: Template.fromStack(stacks.api),
    delivery: Template.fromStack(stacks.delivery),
    sagas: Template.fromStack(stacks.sagas),
    operations: Template.fromStack(stacks.operations),
    ...(stacks.audit ? { audit: Template.fromStack(stacks.audit) } : {}),
  };
}
