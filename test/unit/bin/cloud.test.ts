import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { emulatedApiUrl, emulatorEnvironment } from '../../../bin/cloud/deploy.ts';
import { answers, MiniStack } from '../../../bin/cloud/ministack.ts';
import { CommandFailed, NoEmulator, run } from '../../../bin/cloud/shell.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
afterEach(() => void vi.unstubAllEnvs());

/** An emulator that an earlier run started, from the state file of that run. */
function startedEarlier(name: string, state: object): MiniStack {
  const stateFolder = join(folder, name);
  mkdirSync(stateFolder);
  writeFileSync(join(stateFolder, 'ministack.json'), JSON.stringify(state));
  return new MiniStack(stateFolder);
}

describe('the emulator', () => {
  it('is not stopped when its process id belongs to another process', async () => {
    const foreign = spawn(process.execPath, ['--eval', 'setTimeout(() => {}, 60_000)']);
    try {
      const emulator = startedEarlier('foreign', { endpoint: 'http://127.0.0.1:1', pid: foreign.pid });
      expect(await emulator.stop()).toBe(true);
      expect(foreign.signalCode).toBeNull();
      expect(process.kill(foreign.pid ?? 0, 0)).toBe(true);
      expect(await emulator.stop()).toBe(false);
    } finally {
      foreign.kill();
    }
  });

  it('is absent when its endpoint does not answer, or its state file is invalid', async () => {
    expect(await startedEarlier('gone', { endpoint: 'http://127.0.0.1:1' }).endpoint()).toBeUndefined();
    expect(await startedEarlier('torn', { end: 'http' }).endpoint()).toBeUndefined();
    expect(await new MiniStack(join(folder, 'never')).endpoint()).toBeUndefined();
    expect(await new MiniStack(join(folder, 'never')).stop()).toBe(false);
  });

  it('fails with a remedy when there is neither Python nor a container engine', async () => {
    vi.stubEnv('PATH', folder);
    const error = await new MiniStack(join(folder, 'bare')).start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NoEmulator);
    expect(String(error)).toMatch(/Python 3\.10 or newer.*container engine.*AWS_ENDPOINT_URL/);
  });

  it('is found by its health; a named endpoint is found by any answer', async () => {
    let well = 200;
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/_localstack/health' ? well : 400;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const emulator = startedEarlier('well', { endpoint });
    expect(await emulator.endpoint()).toBe(endpoint);
    well = 404;
    expect(await emulator.endpoint()).toBeUndefined();
    expect(await answers(endpoint)).toBe(true);
    server.closeAllConnections();
    server.close();
    expect(await answers(endpoint)).toBe(false);
  });
});

describe('a deployment to an emulator', () => {
  it('ignores the AWS settings of the caller', async () => {
    vi.stubEnv('AWS_PROFILE', 'production');
    vi.stubEnv('AWS_SESSION_TOKEN', 'of an account');
    const env = emulatorEnvironment('http://127.0.0.1:4566');
    const seen = JSON.parse(await run(process.execPath, ['--print', 'JSON.stringify(process.env)'], { env }));
    expect(seen).not.toHaveProperty('AWS_PROFILE');
    expect(seen).not.toHaveProperty('AWS_SESSION_TOKEN');
    expect(seen).toMatchObject({ AWS_ACCESS_KEY_ID: 'test', AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' });
  });

  it('finds the API where an emulator serves it', () => {
    const url = 'https://a1b2c3d4.execute-api.us-east-1.amazonaws.com/dev/';
    expect(emulatedApiUrl('http://127.0.0.1:4566', url)).toBe(
      'http://127.0.0.1:4566/restapis/a1b2c3d4/dev/_user_request_/',
    );
  });

  it('fails with the last lines of the command that failed', async () => {
    const script = ['--eval', 'console.error("the reason"); process.exit(3)'];
    const error = await run(process.execPath, script).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandFailed);
    expect(String(error)).toMatch(/ended with 3:\n.*the reason/s);
    await expect(run('no-such-command', [])).rejects.toThrow('no-such-command cannot be run');
  });
});
