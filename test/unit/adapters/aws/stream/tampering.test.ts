import { expect, it } from 'vitest';
import { findTampering } from '../../../../../adapters/aws/stream/tampering.ts';

const Keys = { stream: { S: 'main/agent-42' }, version: { N: '7' } };
const place = { stream: 'main/agent-42', version: '7' };
const service = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
const batch = (eventName: string, userIdentity?: object) => ({
  Records: [{ eventName, userIdentity, dynamodb: { Keys, NewImage: { ...Keys, body: { B: 'AAAA' } } } }],
});

it('a commit that is written, or that DynamoDB lets expire, is as it should be', () => {
  expect(findTampering(batch('INSERT'))).toEqual([]);
  expect(findTampering(batch('REMOVE', service))).toEqual([]);
});

it('a commit that somebody changed or removed is found, be it only its time of expiry', () => {
  expect(findTampering(batch('MODIFY'))).toEqual([{ ...place, what: 'changed' }]);
  expect(findTampering(batch('MODIFY', service))).toHaveLength(1);
  expect(findTampering(batch('REMOVE'))).toEqual([{ ...place, what: 'removed' }]);
  expect(findTampering(batch('REMOVE', { type: 'User', principalId: 'x' }))).toHaveLength(1);
});

it('what is no batch tells of nothing', () => {
  for (const event of [undefined, {}, { Records: [{}] }]) expect(findTampering(event)).toEqual([]);
});
