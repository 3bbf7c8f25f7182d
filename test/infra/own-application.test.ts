import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { Annals, type AnnalsProps } from '../../entry/cdk.ts';
import { outlineOf } from '../../lib/shared/outline.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { newApp } from './synthesis.ts';

const invoices = fileURLToPath(new URL('../own-domain/app.ts', import.meta.url));
const folder = temporaryFolder();

/** A module of a user. */
function moduleOf(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

describe('an application of invoices', () => {
  const outdir = join(folder, 'cdk.out');
  let template: Template;
  beforeAll(() => {
    const stack = new Stack(new App({ outdir }), 'Mine');
    const eventSystem = { snapshots: { enabled: false }, bus: { batch_size: 7 } };
    new Annals(stack, 'Annals', { app: relative(process.cwd(), invoices), eventSystem });
    template = Template.fromStack(stack);
  });

  /** The JavaScript of a function, as it is uploaded. */
  const codeOf = (description: string): string => {
    const [made] = Object.values(
      template.findResources('AWS::Lambda::Function', { Properties: { Description: description } }),
    );
    const asset = join(outdir, `asset.${made?.Properties.Code.S3Key.replace('.zip', '')}`);
    const files = readdirSync(asset).filter((file) => file.endsWith('.mjs'));
    expect(files).toContain('index.mjs');
    return files.map((file) => readFileSync(join(asset, file), 'utf8')).join('\n');
  };

  it('is in the bundles of the functions, in the place of the application of agents', () => {
    const has = (description: string, word: string) => codeOf(description).includes(word);
    expect(has('Annals: takes commands and appends events', 'invoice.written-off')).toBe(true);
    expect(has('Annals: brings views up to date', 'invoice.written-off')).toBe(true);
    expect(has('Annals: takes commands and appends events', 'multi-agent-task')).toBe(false);
    expect(has('Annals: brings views up to date', 'multi-agent-task')).toBe(false);
  });

  it('has its commands as methods of the API, with models of their bodies, and no route of agents', () => {
    const resources = template.findResources('AWS::ApiGateway::Resource');
    const paths = Object.values(resources).map(({ Properties }) => Properties.PathPart);
    expect(paths).toEqual(expect.arrayContaining(['invoices', '{invoiceId}', 'pay', 'refuse', 'streams']));
    expect(paths).not.toContain('agents');
    expect(paths).not.toContain('write-off');
    template.hasResourceProperties('AWS::ApiGateway::Model', {
      Name: 'RefuseInvoice',
      Schema: { required: ['reason'], additionalProperties: false },
    });
    expect(Object.keys(template.toJSON()['Resources']).length).toBeLessThan(400);
  });

  it('has a method for each of its commands, and its settings with those of the stage', () => {
    const resources = Object.values(template.findResources('AWS::ApiGateway::Resource'));
    const parts = resources.map(({ Properties }) => Properties.PathPart);
    expect(parts).toEqual(expect.arrayContaining(['invoices', '{invoiceId}', 'pay', 'refuse']));
    expect(parts).not.toContain('agents');
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          ANNALS_CONFIG: Match.serializedJson(
            Match.objectLike({
              snapshots: Match.objectLike({ frequency: 7, enabled: false }),
              bus: Match.objectLike({ batch_size: 7 }),
            }),
          ),
        },
      },
    });
  });

  it('has a state machine for its saga, which the events of its types start and go on with', () => {
    const machines = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
    const names = machines.map(({ Properties }) => Properties.StateMachineName);
    expect(names.toSorted()).toEqual(['annals-dev-replay', 'annals-dev-saga-dunning']);
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: [{ prefix: 'annals.' }],
        'detail-type': [
          ...['invoice.created', 'invoice.paid', 'invoice.refused'],
          ...['saga.compensating', 'saga.resumed', 'saga.signalled', 'approval.decided', 'approval.expired'],
        ],
      },
    });
  });
});

describe('an application that cannot be deployed', () => {
  const annals = (props: AnnalsProps) => new Annals(new Stack(newApp(), 'Mine'), 'Annals', props);

  it('is refused with the place where it was looked for', () => {
    expect(() => annals({ app: './nowhere/app.ts' })).toThrow(
      `there is no module ${process.cwd()}/nowhere/app.ts: give \`app\` relative to ${process.cwd()}`,
    );
  });

  it('is refused when it is a module and no application', () => {
    const app = moduleOf('module.ts', 'export default { events: [] };\n');
    expect(() => annals({ app })).toThrow('the default export is no application; make it with defineAnnals({ ... })');
  });

  it('is refused with its own error when it throws, at the line of its source', () => {
    const app = moduleOf(
      'throws.ts',
      `const price: number = 1;\n\nif (price) throw new Error('no prices');\nexport default {};\n`,
    );
    expect(() => annals({ app })).toThrow(/throws\.ts cannot be loaded:[\s\S]*throws\.ts:3[\s\S]*no prices/);
  });

  it('is refused without a default export', () => {
    const app = moduleOf('named.ts', 'export const application = {};\n');
    expect(() => annals({ app })).toThrow(/No matching export in ".*named\.ts" for import "default"/);
  });

  it('is refused with the packages that are missing', () => {
    const resolve = Reflect.get(Module, '_resolveFilename');
    Reflect.set(Module, '_resolveFilename', (name: string, ...rest: unknown[]) => {
      if (name === 'esbuild') throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
      return resolve(name, ...rest);
    });
    try {
      expect(() => annals({ app: moduleOf('any.ts', 'export default {};\n') })).toThrow(
        'packages that the functions are bundled with are missing: npm install --save-dev "esbuild@*"',
      );
    } finally {
      Reflect.set(Module, '_resolveFilename', resolve);
    }
  });

  it.each([
    ['a setting there is none of', { retention: 7 }],
    ['a stage there is none of', { stage: 'production' }],
    ['a name that no resource can have', { name: 'ann als' }],
  ])('is refused with %s', (_, props) => {
    expect(() => annals(props as AnnalsProps)).toThrow();
  });
});

it('an application may wait for something when it is loaded, and print', () => {
  const source = `console.log('hello');\nconst { default: made } = await import(${JSON.stringify(invoices)});\nexport default made;\n`;
  expect(outlineOf(moduleOf('waits.ts', source)).sagas.map(({ name }) => name)).toEqual(['dunning']);
});
