import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { AnnalsConfig } from '../../core/base/configuration.ts';
import { Annals } from '../../lib/annals.ts';
import type { Stage } from '../../lib/shared/config.ts';
import { outlineOf } from '../../lib/shared/outline.ts';

/** The routes of the application of agents. */
export const { routes } = outlineOf();

/** An app that bundles no functions, which tests of templates do not need. */
export const newApp = (flags: object = {}) =>
  new App({ outdir: mkdtempSync(join(tmpdir(), 'annals-cdk-')), context: { ...flags, [BUNDLING_STACKS]: [] } });

type Part = 'alarms' | 'data' | 'bus' | 'replay' | 'api' | 'delivery' | 'sagas' | 'schedules' | 'operations';
type PerPart<T> = Readonly<Record<Part, T>> & { readonly audit?: T };

/** The whole app of a stage as `bin/app.ts` makes it, not yet synthesised. */
export function build(stage: Stage, annalsConfig: AnnalsConfig = {}, settings: object = {}) {
  const app = newApp();
  const clients = stage === 'prod' ? { clients: ['fleet'] } : {};
  const annals = new Annals(app, 'Default', { stage, ...clients, ...settings, eventSystem: annalsConfig.event_system });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const stacks = annals.node.children.filter(Stack.isStack);
  const perPart = stacks.map((stack) => [stack.stackName.replace(`annals-${stage}-`, ''), stack]);
  return { app, annals, stacks: Object.fromEntries(perPart) as PerPart<Stack> };
}

/** Functions of ours in a template: CDK brings another, which empties buckets before their stack is destroyed. */
export const functionsIn = (template: Template) =>
  Object.values(template.findResources('AWS::Lambda::Function')).filter(({ Properties }) =>
    String(Properties.Description).startsWith('Annals: '),
  );

/** The templates of a stage as CloudFormation gets them. */
export function synthesize(stage: Stage, annalsConfig: AnnalsConfig = {}, settings: object = {}) {
  const { app, stacks } = build(stage, annalsConfig, settings);
  const templates = Object.entries(stacks).map(([part, stack]) => [part, Template.fromStack(stack)]);
  return { app, ...(Object.fromEntries(templates) as PerPart<Template>) };
}
