import { dynamoDb } from '../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { bucketObjects } from '../adapters/aws/s3/bucket.ts';
import type { Annals } from '../application/define-annals.ts';
import { compileLater } from '../core/schemas/compile-later.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { ClaimCheck, LargeCommitStorage } from '../core/store/claim-check.ts';
import { EventStore } from '../core/store/event-store.ts';
import { type Streams, streamsOf } from './streams.ts';

/** The names of a stage's resources, which its stacks print. */
export interface AwsPlace {
  /** The table of events. */
  readonly eventsTable: string;
  /** The bucket for bodies of large events. */
  readonly objectsBucket: string;
}

/** The streams in the tables of a stage. */
export function streamsOnAws(annals: Annals, { eventsTable, objectsBucket }: AwsPlace): Streams {
  const claims = new ClaimCheck(bucketObjects(objectsBucket));
  const commits = new LargeCommitStorage(new DynamoCommitStorage(dynamoDb(), eventsTable), claims);
  const store = new EventStore(commits, { catalogue: annals.catalogue, compile: compileLater });
  return streamsOf(annals, { store, states: new StateReader({ store }) });
}
