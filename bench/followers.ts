import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, type ClientRequest, get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { serve } from '../test/support/served-process.ts';
import { type Latency, latencyFor } from './harness/latency.ts';

// A single machine: the time of an append beside 1 and 2,000 followers of `GET /events/stream`, for FOLLOWERS_SECONDS (20) each.

/** Longer than the delivery to all followers, so that they are idle at each append. */
const EVERY_MS = 500;
const SECONDS = Number(process.env['FOLLOWERS_SECONDS'] ?? 20);

/** Runs in a separate thread: followers that read, and count their bytes. */
async function follow(url: string, count: number): Promise<void> {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  let bytes = 0;
  const requests: ClientRequest[] = [];
  const opened = Array.from({ length: count }, () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const request = get(`${url}/events/stream`, { agent }, (response: IncomingMessage) => {
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        resolve();
      });
    });
    request.on('error', () => {});
    requests.push(request);
    return promise;
  });
  await Promise.all(opened);
  parentPort?.postMessage('following');
  parentPort?.once('message', () => {
    for (const request of requests) request.destroy();
    parentPort?.postMessage(bytes);
    parentPort?.close();
  });
}

async function measure(url: string, followers: number): Promise<Latency> {
  const worker = new Worker(import.meta.filename, { workerData: { url, followers } });
  const heard = () => new Promise((resolve) => worker.once('message', resolve));
  await heard();
  const agentId = `of-${followers}`;
  const post = async (path: string, body: object) => {
    const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, options);
    if (!response.ok) throw new Error(await response.text());
    await response.text();
  };
  await post('/agents', { agentId, agentType: 'bench', configuration: {}, createdBy: 'bench' });
  const latency = await latencyFor(
    SECONDS,
    () => post(`/agents/${agentId}/steps`, { action: 'a', observation: 'b'.repeat(200) }),
    EVERY_MS,
  );
  worker.postMessage('stop');
  await heard();
  return latency;
}

if (!isMainThread) await follow(workerData.url, workerData.followers);
else {
  const folder = mkdtempSync(join(tmpdir(), 'annals-bench-'));
  const { url, child, finished } = await serve(join(folder, 'data'));
  try {
    const rows: Record<string, Latency> = {};
    for (const followers of [1, 2_000]) rows[`${followers} followers`] = await measure(url, followers);
    console.log('a single append, milliseconds');
    console.table(rows);
  } finally {
    child.kill();
    await finished;
    rmSync(folder, { recursive: true, force: true });
  }
}
