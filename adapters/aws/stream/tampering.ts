import * as z from 'zod';

/** A stored commit that somebody changed or removed. Annals itself never does either. */
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
 * Finds tampering in a batch of the events table's stream. A commit is written once and stays. DynamoDB removes expired
 * items, and those removals are ignored: a commit has no time of expiry unless somebody added it, and that change is found.
 */
export function findTampering(event: unknown): Tampering[] {
  const records = z.object({ Records: z.array(z.unknown()) }).safeParse(event).data?.Records ?? [];
  return records.flatMap((input) => {
    const parsed = record.safeParse(input);
    if (!parsed.success || parsed.data.eventName === 'INSERT') return [];
    const { eventName, userIdentity, dynamodb } = parsed.data;
    const expired = userIdentity?.type === 'Service' && userIdentity.principalId === 'dynamodb.amazonaws.com';
    if (eventName === 'REMOVE' && expired) return [];
    const { stream, version } = dynamodb.Keys;
    return [{ stream: stream.S, version: version.N, what: eventName === 'REMOVE' ? 'removed' : 'changed' }];
  });
}
