import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);
const annals = join(import.meta.dirname, '../../../bin/annals.ts');
const connect = (...more: string[]) => run(process.execPath, [annals, 'connect', ...more]);

describe('annals connect', () => {
  it.each([
    ['otel', 'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4710\n'],
    ['codex', '[otel.exporter.otlp-http]\nendpoint = "http://127.0.0.1:4710/v1/logs"\n'],
    ['openai-agents', 'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n'],
    ['langgraph', 'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n'],
    ['openhands', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4710/v1/traces\n'],
  ])('prints the settings of %s, and says beside them where they belong', async (source, expected) => {
    const { stdout, stderr } = await connect(source, '--url', 'http://127.0.0.1:4710/');
    expect(stdout).toContain(expected);
    expect(stderr).toMatch(/^These settings belong in .+\.\n/);
  });

  it('prints the commands that give Claude Code and Codex the tools of a server', async () => {
    const { stdout, stderr } = await connect('mcp', '--url', 'http://127.0.0.1:4710/');
    expect(stdout.split('\n')).toEqual([
      'claude mcp add --transport http annals http://127.0.0.1:4710/mcp',
      'codex mcp add annals --url http://127.0.0.1:4710/mcp',
      '',
    ]);
    expect(stderr).toMatch(/^These commands belong in a shell.+\.\nRun the line of your program\.\n$/);
  });

  it('prints commands that sign for API Gateway', async () => {
    const url = 'https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod';
    const lines = ['claude', 'codex'].map((program) => `${program} mcp add annals -- npx annals mcp --url ${url}\n`);
    expect((await connect('mcp', '--url', url)).stdout).toBe(lines.join(''));
  });

  it('writes a new file when asked, and leaves a file that exists alone', async () => {
    const file = join(temporaryFolder(), 'settings.json');
    expect((await connect('claude-code', '--write', file)).stdout).toBe('');
    const { env } = JSON.parse(await readFile(file, 'utf8'));
    expect(env).toEqual({
      CLAUDE_CODE_ENABLE_TELEMETRY: '1',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_ENDPOINT: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    await writeFile(file, '{"mine":1}');
    await expect(connect('claude-code', '--write', file)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists and stays as it is'),
    });
    expect(await readFile(file, 'utf8')).toBe('{"mine":1}');
  });

  it('refuses a source that it does not know', async () => {
    await expect(connect('abacus')).rejects.toMatchObject({ code: 2 });
  });
});
