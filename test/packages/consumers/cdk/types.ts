import { Annals, type AnnalsProps } from 'annals/cdk';
import { App, Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';

const props: AnnalsProps = { app: './app.js', stage: 'prod', clients: ['team-a'], name: 'billing' };
const annals = new Annals(new Stack(new App(), 'Consumer'), 'Annals', props);
export const table: ITable = annals.tables.events;
export const name: string = annals.functions['saga-task'].functionName;
// @ts-expect-error there is no such stage
export const wrong: AnnalsProps = { stage: 'production' };
