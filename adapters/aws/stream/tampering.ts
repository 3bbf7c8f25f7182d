import * as z from 'zod';

/** A stored commit that somebody changed or removed, which Annals itself never does. */
export interface Tampering {
  readonly stream: string;
  readonly version: string;
  readonly what: 'changed' | 'removed';
}

const record = z.object({
  eventName: z.string(),
  userIdentity: z.object({ type: z.string(), principalId: z.string() }).partial().nullish(),
  dynamodb: z.object({
    Keys: z.object({ stream: z.object({ S: z.string() }), version: z.object({ N: z.string() }) }),
  }),
});

/**
 * What a batch of the events table's stream tells of tampering. A commit is written once and stays. DynamoDB itself may
 * remove one that has expired; but none has a time of expiry unless somebody changed it first, which is found here.
 */
export function findTampering(event: unknown): Tampering[] {
  const records = z.object({ Records: z.array(z.unknown()) }).safeParse(event).data?.Records ?? [];
  return records.flatMap((given) => {
    const parsed = record.safeParse(given);
    if (!parsed.success || parsed.data.eventName === 'INSERT') return [];
    const { eventName, userIdentity, dynamodb } = parsed.data;
    const expired = userIdentity?.type === 'Service' && userIdentity.principalId === 'dynamodb.amazonaws.com';
    if (eventName === 'REMOVE' && expired) return [];
    const { stream, version } = dynamodb.Keys;
    return [{ stream: stream.S, version: version.N, what: eventName === 'REMOVE' ? 'removed' : 'changed' }];
  });
}
