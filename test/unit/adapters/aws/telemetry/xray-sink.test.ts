import { expect, it } from 'vitest';
import { XRaySink } from '../../../../../adapters/aws/telemetry/xray-sink.ts';
import { type SegmentDocument, Tracer } from '../../../../../core/telemetry/tracer.ts';
import { xrayDaemon } from '../../../../support/xray-daemon.ts';

const segment: SegmentDocument = {
  name: 'annals',
  id: '53995c3f42cd8ad8',
  trace_id: '1-5759e988-bd862e3fe1be46a994272793',
  parent_id: 'bd862e3fe1be46a9',
  start_time: 1,
  end_time: 2,
  annotations: { stream: 'agent-42', version: 7, correlation_id: undefined },
};
const call: SegmentDocument = {
  ...segment,
  type: 'subsegment',
  name: 'DynamoDB',
  namespace: 'aws',
  aws: { operation: 'PutItem', table_name: 'events' },
  fault: true,
  cause: { exceptions: [{ id: 'bd862e3fe1be46a9', type: 'TimeoutError', message: 'TimeoutError' }] },
};

it('sends each span to the daemon in a datagram, in the format of the daemon', async () => {
  const { received, address } = await xrayDaemon();
  const sink = new XRaySink(address);
  sink.send(segment);
  sink.send(call);
  await sink.flush();
  await expect.poll(() => received).toHaveLength(2);
  for (const { header } of received) expect(header).toEqual({ format: 'json', version: 1 });
  const plain = (document: object) => JSON.parse(JSON.stringify(document));
  expect(received.map(({ document }) => document)).toEqual([plain(segment), plain(call)]);
});

it('continues a foreign trace', async () => {
  const { received, address } = await xrayDaemon();
  const sink = new XRaySink(address);
  const tracer = new Tracer(sink.send);
  tracer.enter('Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1');
  await tracer.part('storage.put', {}, async () => {});
  await sink.flush();
  await expect.poll(() => received).toHaveLength(1);
  expect(received[0]?.document).toMatchObject({
    name: 'storage.put',
    type: 'subsegment',
    trace_id: '1-5759e988-bd862e3fe1be46a994272793',
    parent_id: '53995c3f42cd8ad8',
  });
});

it('works without a daemon', async () => {
  const sink = new XRaySink('127.0.0.1:9');
  for (let index = 0; index < 10; index += 1) sink.send(segment);
  await expect(sink.flush()).resolves.toBeUndefined();
});
