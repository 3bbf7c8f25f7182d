import type { DynamoDBRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { toCommitItem, toEventNote, toRequestNote } from '../../../../../adapters/aws/dynamodb/commit-item.ts';
import { parseStreamRecords } from '../../../../../adapters/aws/stream/records.ts';
import { CorruptDataError, ValidationError } from '../../../../../core/base/errors.ts';
import { type Commit, decodeCommit } from '../../../../../core/store/commit.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../../support/application.ts';
import { steps } from '../../../../support/sample-events.ts';

async function commits(): Promise<[Commit, Commit]> {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  await store.append('agent-42', steps(2), { expectedVersion: 0, trace: 'Root=1-2-3' });
  await store.append('agent-42', steps(50), { expectedVersion: 2, commitId: 'key', digest: 'AAAAAAAAAAAAAAAAAAAAAA' });
  return (await Array.fromAsync(store.commits('agent-42'))) as [Commit, Commit];
}

type Image = NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']>;

/** A record as Lambda delivers it: the same attribute values, in JSON. */
function record(
  NewImage: Image | undefined,
  SequenceNumber: string,
  eventName: DynamoDBRecord['eventName'] = 'INSERT',
) {
  return {
    eventID: '7de3041dd709b024af6f29e4fa13d34c',
    eventName,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'eu-central-1',
    dynamodb: {
      ApproximateCreationDateTime: 1767600000,
      Keys: { stream: { S: 'main/agent-42' }, version: { N: '1' } },
      ...(NewImage ? { NewImage } : {}),
      SequenceNumber,
      SizeBytes: 512,
      StreamViewType: 'NEW_IMAGE',
    },
    eventSourceARN: 'arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2026-01-05T09:00:00.000',
  } as const satisfies DynamoDBRecord;
}

function image(commit: Commit): Image {
  const base64 = { B: Buffer.from(commit.body).toString('base64') };
  const { digest, ...item } = toCommitItem(commit, 'main');
  const encoded = digest?.B ? { digest: { B: Buffer.from(digest.B).toString('base64') } } : {};
  return { ...item, ...encoded, body: base64 } as Image;
}

describe('parseStreamRecords', () => {
  it('returns the commits as they were written, in order, keyed or not, compressed or not', async () => {
    const [first, second] = await commits();
    const Records = [record(image(first), '100'), record(image(second), '101')];
    const parsed = parseStreamRecords(JSON.parse(JSON.stringify({ Records })));
    expect(parsed).toEqual([
      { sequenceNumber: '100', commit: first },
      { sequenceNumber: '101', commit: second },
    ]);
    const [, { commit } = {}] = parsed as { commit: Commit }[];
    expect(commit && decodeCommit(commit, catalogue)).toEqual(decodeCommit(second, catalogue));
  });

  it('reads a record as AWS documents it', () => {
    const body = Buffer.concat([Buffer.of(0), Buffer.from('[{"id":"e-1","type":"agent.step-recorded"}]')]);
    const NewImage = {
      stream: { S: 'main/agent-a-b:c' },
      version: { N: '7' },
      count: { N: '1' },
      idempotencyKey: { S: 'k' },
      recordedAt: { S: '2026-01-05T09:00:00.123Z' },
      types: { SS: ['agent.step-recorded'] },
      body: { B: body.toString('base64') },
    };
    const [parsed] = parseStreamRecords({ Records: [record(NewImage, '4421584500000000017450439091')] });
    expect(parsed).toEqual({
      sequenceNumber: '4421584500000000017450439091',
      commit: {
        stream: 'agent-a-b:c',
        version: 7,
        count: 1,
        commitId: 'k',
        keyed: true,
        recordedAt: '2026-01-05T09:00:00.123Z',
        types: ['agent.step-recorded'],
        body: new Uint8Array(body),
      },
    });
  });

  it('leaves out changes and removals: retention makes them', async () => {
    const [first] = await commits();
    const Records = [record(undefined, '1', 'REMOVE'), record(image(first), '2', 'MODIFY'), record(image(first), '3')];
    expect(parseStreamRecords({ Records })).toEqual([{ sequenceNumber: '3', commit: first }]);
  });

  it('leaves out the notes beside the commits', async () => {
    const [first, second] = await commits();
    const notes = [
      toEventNote('main', 'agent-42', 'e-1', 1),
      toRequestNote({ ...second, count: 0 }, 'main', new Date('2026-02-05T09:00:00.000Z')),
    ].map((note, index) => {
      const inserted = record(note as Image, String(index + 1));
      const Keys = { stream: note['stream'], version: note['version'] };
      return { ...inserted, dynamodb: { ...inserted.dynamodb, Keys } };
    });
    const Records = [...notes, record(image(first), '3')];
    expect(parseStreamRecords({ Records })).toEqual([{ sequenceNumber: '3', commit: first }]);
  });

  it('returns an unreadable commit for a record that is no commit, and reads the others', async () => {
    const [first, second] = await commits();
    const { recordedAt: _, ...incomplete } = image(second);
    const { idempotencyKey: __, ...anonymous } = image(second);
    const broken = [
      incomplete,
      anonymous,
      { ...image(second), version: { N: '0' } },
      { ...image(second), version: { S: '3' } },
      { ...image(second), count: { N: '101' } },
      { ...image(second), body: { S: 'text' } },
      { ...image(second), types: { L: [] } },
      { unrelated: { S: 'item' } },
      undefined,
    ];
    const Records = [...broken.map((one, index) => record(one, String(index))), record(image(first), 'last')];
    const parsed = parseStreamRecords({ Records });
    expect(parsed.map(({ sequenceNumber }) => sequenceNumber)).toEqual([...broken.keys(), 'last'].map(String));
    for (const one of parsed.slice(0, -1) as { commit: Commit }[]) {
      expect(one.commit).toMatchObject({ stream: 'agent-42', version: 1 });
      expect(() => decodeCommit(one.commit, catalogue)).toThrow(CorruptDataError);
    }
    expect(parsed.at(-1)).toEqual({ sequenceNumber: 'last', commit: first });
  });

  it('reports a record without readable keys by its sequence number', async () => {
    const ofNoStream = [
      { stream: { S: 'main/nonsense' }, version: { N: '1' } },
      { stream: { S: 'main/agent-42' }, version: { N: '0' } },
    ];
    for (const Keys of ofNoStream) {
      const { dynamodb, ...rest } = record(undefined, '1');
      const parsed = parseStreamRecords({ Records: [{ ...rest, dynamodb: { ...dynamodb, Keys } }] });
      expect(parsed).toEqual([{ sequenceNumber: '1', error: expect.any(CorruptDataError) }]);
    }
  });

  it('refuses an event that is no batch of stream records', () => {
    const { dynamodb: _, ...foreign } = record(undefined, '1');
    for (const event of [undefined, {}, { Records: {} }, { Records: [foreign] }]) {
      expect(() => parseStreamRecords(event)).toThrow(ValidationError);
    }
    expect(parseStreamRecords({ Records: [] })).toEqual([]);
  });
});
