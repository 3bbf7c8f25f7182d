import { Annals } from 'annals/cdk';
import { App, Stack } from 'aws-cdk-lib';

// `npx cdk deploy` runs this file: one stack with the tables, the functions, the API and the state machines of app.ts.
const stack = new Stack(new App(), 'Billing');
new Annals(stack, 'Annals', { app: './app.ts', name: 'billing', stage: 'dev' });
