import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { XRaySink } from '../../../../../adapters/aws/telemetry/xray-sink.ts';

const segment = {
  name: 'annals',
  id: '53995c3f42cd8ad8',
  trace_id: '1-5759e988-bd862e3fe1be46a994272793',
  start_time: 1,
  end_time: 2,
};

it('hands spans to the daemon in its own form', async () => {
  const daemon = createSocket('udp4');
  daemon.bind(0, '127.0.0.1');
  await once(daemon, 'listening');
  const received = once(daemon, 'message');
  const sink = new XRaySink(`127.0.0.1:${daemon.address().port}`);
  sink.send(segment);
  await sink.flush();
  const [message] = await received;
  const [header = '', body = ''] = String(message).split('\n');
  expect(JSON.parse(header)).toEqual({ format: 'json', version: 1 });
  expect(JSON.parse(body)).toEqual(segment);
  daemon.close();
});

it('does without a daemon', async () => {
  const sink = new XRaySink('127.0.0.1:9');
  for (let index = 0; index < 10; index += 1) sink.send(segment);
  await expect(sink.flush()).resolves.toBeUndefined();
});
