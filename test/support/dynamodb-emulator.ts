import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL('../../node_modules/@dynoxide/linux-x64/dynoxide', import.meta.url));

/**
 * One DynamoDB emulator for the whole test run, in memory, on a free loopback port. An endpoint that is set already
 * (`AWS_ENDPOINT_URL_DYNAMODB`) is used instead, so that the same suites run against any other.
 */
export default async function setup(): Promise<() => void> {
  process.env['AWS_REGION'] ??= 'eu-central-1';
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';
  if (process.env['AWS_ENDPOINT_URL_DYNAMODB']) return () => {};
  if (!existsSync(BINARY)) {
    throw new Error(
      'The DynamoDB emulator of the tests is a Linux x64 binary. Elsewhere set AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB-compatible endpoint.',
    );
  }
  const port = await freePort();
  const emulator = spawn(BINARY, ['serve', '--port', String(port)], { stdio: 'ignore' });
  process.once('exit', () => emulator.kill());
  const endpoint = `http://127.0.0.1:${port}`;
  await answering(endpoint, emulator);
  process.env['AWS_ENDPOINT_URL_DYNAMODB'] = endpoint;
  return () => void emulator.kill();
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (typeof address !== 'object' || !address) throw new Error('no port to be had');
  return address.port;
}

async function answering(endpoint: string, emulator: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 2_400; attempt++) {
    if (emulator.exitCode !== null) throw new Error(`the DynamoDB emulator ended with code ${emulator.exitCode}`);
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await delay(25);
  }
  throw new Error('the DynamoDB emulator did not answer within 60 s');
}
