import { Annals } from 'annals/cdk';
import { App, Stack } from 'aws-cdk-lib';

const stack = new Stack(new App(), 'Consumer');
new Annals(stack, 'Annals', { app: './app.js', stage: 'staging' });
