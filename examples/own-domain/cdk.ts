import { Annals, forEmulators } from 'annals/cdk';
import { App, Stack } from 'aws-cdk-lib';

// `npx cdk deploy` runs this file: one stack with the tables, the functions, the API and the state machines of app.ts.
const app = new App();
const stack = new Stack(app, 'Billing');
const emulated = app.node.tryGetContext('emulator') !== undefined; // npx cdklocal deploy -c emulator=yes
new Annals(stack, 'Annals', { app: './app.ts', name: 'billing', stage: 'dev', ...(emulated ? forEmulators : {}) });
