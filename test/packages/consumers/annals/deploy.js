// A user's CDK app, with the application in its stack. Its argument is the folder for the templates.
import { Annals } from 'annals/cdk';
import { App, Stack } from 'aws-cdk-lib';

const app = new App({ outdir: globalThis.process.argv[2] });
new Annals(new Stack(app, 'Billing'), 'Annals', { app: './app.ts' });
const [{ template }] = app.synth().stacks;
const types = Object.values(template.Resources).map(({ Type }) => Type);
globalThis.process.stdout.write(
  JSON.stringify({ functions: types.filter((type) => type === 'AWS::Lambda::Function') }),
);
