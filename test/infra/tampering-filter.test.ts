import { expect, it } from 'vitest';
import { findTampering } from '../../adapters/aws/stream/tampering.ts';
import { everyResource } from './every-template.ts';

type Json = { readonly [member: string]: unknown };

/**
 * Whether EventBridge's rule engine, which Lambda filters with, takes a record. As that engine does, it looks at leaves alone: one
 * that is asked not to exist does not exist either when the object around it is missing or null.
 */
function takes(pattern: Json, record: Json | undefined): boolean {
  return Object.entries(pattern).every(([name, wanted]) => {
    const found = record?.[name];
    if (!Array.isArray(wanted)) return takes(wanted as Json, (found ?? undefined) as Json | undefined);
    return wanted.some((one) => (isExists(one) ? one.exists === (found !== undefined) : one === found));
  });
}

const isExists = (one: unknown): one is { exists: boolean } =>
  typeof one === 'object' && one !== null && 'exists' in one;

const mappings = everyResource().filter(
  ({ stack, id, resource }) =>
    stack === 'delivery' && resource.Type === 'AWS::Lambda::EventSourceMapping' && /^Relay/.test(id),
);
const filtersOf = ({ resource }: (typeof mappings)[number]): Json[] =>
  ((resource.Properties?.['FilterCriteria'] ?? { Filters: [] }) as { Filters: { Pattern: string }[] }).Filters.map(
    ({ Pattern }) => JSON.parse(Pattern),
  );

/** Records as "Change data capture for DynamoDB Streams" and "Using time to live" give them. */
const dynamodb = {
  Keys: { stream: { S: 'main/agent-42' }, version: { N: '7' } },
  SequenceNumber: '4421584500000000017450439091',
  SizeBytes: 26,
  StreamViewType: 'NEW_IMAGE',
};
const record = (eventName: string, more: Json = {}): Json => ({
  ...{ eventID: '1', eventVersion: '1.1', eventSource: 'aws:dynamodb', awsRegion: 'us-east-1', eventName, dynamodb },
  ...more,
});
const service = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };

it.each([
  ['somebody deletes', record('REMOVE'), 'removed'],
  ['somebody deletes, in a record whose identity is null', record('REMOVE', { userIdentity: null }), 'removed'],
  ['somebody changes', record('MODIFY'), 'changed'],
  ['somebody changes, be it DynamoDB itself', record('MODIFY', { userIdentity: service }), 'changed'],
] as const)('a commit that %s comes to the relay and counts as tampering', (_, given, what) => {
  expect(mappings.length).toBeGreaterThan(0);
  for (const mapping of mappings) expect(filtersOf(mapping).some((filter) => takes(filter, given))).toBe(true);
  expect(findTampering({ Records: [given] })).toEqual([{ stream: 'main/agent-42', version: '7', what }]);
});

it('a commit that has expired does not: DynamoDB removes it in its name', () => {
  const expired = record('REMOVE', { userIdentity: service });
  for (const mapping of mappings) expect(filtersOf(mapping).some((filter) => takes(filter, expired))).toBe(false);
  expect(findTampering({ Records: [expired] })).toEqual([]);
});

it('a commit that is written comes to the relay and is as it should be', () => {
  for (const mapping of mappings)
    expect(filtersOf(mapping).some((filter) => takes(filter, record('INSERT')))).toBe(true);
  expect(findTampering({ Records: [record('INSERT')] })).toEqual([]);
});
