import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** An X-Ray daemon on a free port, for one test. It keeps the header line and the document of each datagram. */
export async function xrayDaemon() {
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const received: { readonly header: object; readonly document: Record<string, unknown> }[] = [];
  socket.on('message', (message) => {
    const [header = '', document = ''] = String(message).split('\n');
    received.push({ header: JSON.parse(header), document: JSON.parse(document) });
  });
  return { received, address: `127.0.0.1:${socket.address().port}` };
}
