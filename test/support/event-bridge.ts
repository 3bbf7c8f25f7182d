import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';

/** An entry of a request to EventBridge. */
export interface Entry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
}

/**
 * An EventBridge on a free loopback port that keeps its entries, until the tests of the file end. It refuses entries for
 * which `refuses` is true, and refuses every request with the error that `denies` names.
 */
export async function eventBridgeRecorder() {
  const entries: Entry[] = [];
  const control = { refuses: (_: Entry): boolean => false, denies: undefined as string | undefined, denied: 0 };
  const server = createServer(async (request, response) => {
    const sent = JSON.parse(await text(request)) as { Entries: Entry[] };
    if (control.denies !== undefined) {
      control.denied += 1;
      response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify({ __type: control.denies, message: 'not now' }));
      return;
    }
    const results = sent.Entries.map((entry) => {
      if (control.refuses(entry)) return { ErrorCode: 'InternalFailure', ErrorMessage: 'refused by the test' };
      entries.push(entry);
      return { EventId: String(entries.length) };
    });
    const FailedEntryCount = results.filter((result) => 'ErrorCode' in result).length;
    response.setHeader('Content-Type', 'application/x-amz-json-1.1');
    response.end(JSON.stringify({ FailedEntryCount, Entries: results }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, entries, control };
}
