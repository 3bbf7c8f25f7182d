import { expect, it } from 'vitest';
import { findTampering } from '../../../../../adapters/aws/stream/tampering.ts';

const Keys = { stream: { S: 'main/agent-42' }, version: { N: '7' } };
const place = { stream: 'main/agent-42', version: '7' };
const service = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
const batch = (eventName: string, userIdentity?: object) => ({
  Records: [{ eventName, userIdentity, dynamodb: { Keys, NewImage: { ...Keys, body: { B: 'AAAA' } } } }],
});

it('the write of a commit and its removal after expiry are no tampering', () => {
  expect(findTampering(batch('INSERT'))).toEqual([]);
  expect(findTampering(batch('REMOVE', service))).toEqual([]);
});

it('a change or removal of a commit is found, also a change of its time of expiry alone', () => {
  expect(findTampering(batch('MODIFY'))).toEqual([{ ...place, what: 'changed' }]);
  expect(findTampering(batch('MODIFY', service))).toHaveLength(1);
  expect(findTampering(batch('REMOVE'))).toEqual([{ ...place, what: 'removed' }]);
  expect(findTampering(batch('REMOVE', { type: 'User', principalId: 'x' }))).toHaveLength(1);
});

it('an event that is no batch has no findings', () => {
  for (const event of [undefined, {}, { Records: [{}] }]) expect(findTampering(event)).toEqual([]);
});
