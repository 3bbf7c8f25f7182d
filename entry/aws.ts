/** `annals/aws`: a deployed application from the user's functions and scripts. */
import { fromPackages } from '../adapters/aws/clients/packages.ts';
import type { Annals } from '../application/define-annals.ts';
import type { AwsPlace } from './aws-streams.ts';
import type { Streams } from './streams.ts';

export { regionOfApi, type SigningOptions, signedFetch } from '../adapters/aws/clients/signed-fetch.ts';
export { readBusDetail } from '../adapters/aws/eventbridge/bus-event.ts';
export type { AwsPlace } from './aws-streams.ts';
export type { Streams, WriteOptions } from './streams.ts';

/**
 * Opens the streams of a deployed application, for the user's functions and scripts: they read and write the same tables
 * as the API. Views, sagas and the log follow as for every write. Region and credentials come from the environment, as for
 * the AWS CLI.
 * @throws Error with the command that installs the packages of the AWS SDK, when they are missing
 */
export async function openStreams(annals: Annals, place: AwsPlace): Promise<Streams> {
  const sdk = [
    '@aws-sdk/client-dynamodb',
    '@aws-sdk/lib-dynamodb',
    '@aws-sdk/client-eventbridge',
    '@aws-sdk/client-s3',
    '@aws-sdk/client-scheduler',
    '@aws-sdk/client-sfn',
    '@aws-sdk/client-sqs',
  ];
  const { streamsOnAws } = await fromPackages('The streams on AWS', sdk, () => import('./aws-streams.ts'));
  return streamsOnAws(annals, place);
}
