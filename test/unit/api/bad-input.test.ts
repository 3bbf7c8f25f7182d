import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../../api/http/json-body.ts';
import { newStream, step } from '../../support/sample-events.ts';
import { type Call, servedApi } from '../../support/served-api.ts';

const { call, get, post, commits, logger, url } = servedApi();

// After each test: the server has written nothing, has logged no error, and still answers.
let before = 0;
beforeEach(() => {
  before = commits();
});
afterEach(async () => {
  expect(commits()).toBe(before);
  expect(logger.error).not.toHaveBeenCalled();
  expect((await get('/health')).body.status).toBe('ok');
});

const agent = { agentType: 'coder', configuration: {}, createdBy: 'me' };
const refused = async (path: string, input: Call, status: number, code: string) =>
  expect(await call('POST', path, input), JSON.stringify(input).slice(0, 200)).toMatchObject({
    status,
    body: { code },
  });

/** Sends a body without an end, in pieces, until the server answers or closes the connection. */
function endlessUpload(url: string): Promise<number | 'closed' | undefined> {
  return new Promise((resolve) => {
    const upload = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } });
    const piece = Buffer.alloc(64 * 1024, 'x');
    const send = () => void upload.write(piece, (error) => (error ? undefined : setImmediate(send)));
    upload.on('response', ({ statusCode }) => {
      resolve(statusCode);
      upload.destroy();
    });
    upload.on('error', () => resolve('closed'));
    send();
  });
}

const raw = (text: string | Uint8Array<ArrayBuffer>, headers = {}): Call => ({ raw: text, headers });

/** Invalid ids, for JSON strings and for parts of a path. */
const hostile = {
  empty: '',
  'the name of a prototype': '__proto__',
  'a NUL': 'a\u0000b',
  '2048 characters': 'x'.repeat(2048),
  '129 characters': 'x'.repeat(129),
  slashes: 'a/b/../c',
  dots: '..',
  'an emoji': 'agent-🤖',
  'a space': 'a b',
  'a line break': 'a\nb',
  'a trailing line break': 'a\n',
  'a percent': '%2e%2e',
  markup: '<script>',
};

describe('an id', () => {
  it.each(Object.entries(hostile))('is refused in a body, a path and a header: %s', async (_, id) => {
    await refused('/agents', { body: { agentId: id, ...agent } }, 400, 'INVALID_ID');
    const event = { ...step('x'), id };
    const [status, code] = [400, 'INVALID_ID'];
    await refused('/streams/agent-1/events', { body: { expectedVersion: 0, events: [event] } }, status, code);
    if (id === '' || id === '..') return; // such a path names another resource
    const part = encodeURIComponent(id);
    for (const path of [
      `/agents/${part}`,
      `/tasks/${part}`,
      `/projections/agent-status/${part}`,
      `/projections/${part}/1`,
    ]) {
      expect(await get(path), path).toMatchObject({ status: 400, body: { code: 'INVALID_ID' } });
    }
    await refused(`/agents/${part}/steps`, { body: { action: 'x' } }, 400, 'INVALID_ID');
    await refused(
      `/streams/agent-${part}/events`,
      { body: { expectedVersion: 0, events: [step('x')] } },
      400,
      'INVALID_ID',
    );
    if (/[\n\0]|[^\0-\xff]/.test(id)) return; // no client can send such a header
    for (const header of ['idempotency-key', 'x-correlation-id', 'x-causation-id']) {
      const answer = await post('/agents', agent, { [header]: id });
      expect(answer, header).toMatchObject({ status: 400, body: { code: 'INVALID_ID' } });
    }
  });

  it('is refused when it has a lone surrogate, or broken UTF-8 in a path', async () => {
    await refused(
      '/agents',
      raw(`{"agentId":"\\ud800","agentType":"x","configuration":{},"createdBy":"me"}`),
      400,
      'MALFORMED_JSON',
    );
    for (const part of ['%ED%A0%80', '%ff', '%00', '%', '%zz']) {
      const { status, body } = await get(`/agents/${part}`);
      expect([status, body.code], part).toEqual([400, 'INVALID_ID']);
    }
  });

  it.each(['agent', 'agent-', '-1', 'Agent-1', 'agent_1', '1agent-1', `${'a'.repeat(33)}-1`])(
    'of a stream is refused: %s',
    async (stream) => {
      await refused(
        `/streams/${stream}/events`,
        { body: { expectedVersion: 0, events: [step('x')] } },
        400,
        'INVALID_ID',
      );
      expect(await get(`/streams/${stream}/events`)).toMatchObject({ status: 400, body: { code: 'INVALID_ID' } });
    },
  );
});

describe('a body', () => {
  const malformed: Record<string, string | Uint8Array<ArrayBuffer>> = {
    'is empty': '',
    'ends early': '{"agentType":',
    'continues after its end': '{} {}',
    'has a trailing comma': '{"a":1,}',
    'is not JSON': 'agentType=coder',
    'has NaN': '{"durationMs":NaN}',
    'is not UTF-8': new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    'is UTF-16': new Uint8Array(Buffer.from('{"a":1}', 'utf16le')),
    'has a lone surrogate': '{"createdBy":"\\udfff"}',
    'has a member twice': '{"agentType":"a","agentType":"b","configuration":{},"createdBy":"me"}',
    'has a member twice with one value': '{"agentType":"a","agentType":"a","configuration":{},"createdBy":"me"}',
    'has a member twice, once escaped': '{"a":1,"\\u0061":2}',
    'has a member twice deep inside': '{"configuration":{"x":[{"y":1,"z":{},"y":1}]}}',
    'has __proto__': '{"agentType":"a","configuration":{"__proto__":{"admin":true}},"createdBy":"me"}',
    'is 33 levels deep': `{"configuration":${'['.repeat(32)}${']'.repeat(32)}}`,
    'is 100,000 levels deep': '['.repeat(100_000) + ']'.repeat(100_000),
    'is 90,000 objects deep': `${'{"a":'.repeat(90_000)}1${'}'.repeat(90_000)}`,
    'has a number over 2^53': '{"configuration":{"n":9007199254740993}}',
    'has a number under -2^53': '{"configuration":{"n":-9007199254740993}}',
    'has a number over the largest double': '{"configuration":{"n":1e999}}',
    'has a number that would become 0': '{"configuration":{"n":1e-999}}',
    'has a whole number with a fraction of 0 that would change': '{"configuration":{"n":12345678901234567890.0}}',
    'has a whole number with an exponent that would change': '{"configuration":{"n":1234567890123456789e1}}',
    'has a negative whole number with a fraction of 0 that would change':
      '{"configuration":{"n":-12345678901234567890.000}}',
    'has a fraction with more digits than a double keeps': '{"configuration":{"n":0.10000000000000001}}',
    'has the full decimal expansion of a double':
      '{"configuration":{"n":0.1000000000000000055511151231257827021181583404541015625}}',
    'has a number that would be rounded': '{"configuration":{"n":[{"m":1.00000000000000000001}]}}',
    'has an amount that would change': '{"usage":{"tokens":100000000000000.01}}',
  };
  it.each(Object.entries(malformed))('is refused when it %s', async (_, text) => {
    await refused('/agents', raw(text), 400, 'MALFORMED_JSON');
    await refused('/streams/agent-1/events', raw(text), 400, 'MALFORMED_JSON');
  });

  it('is refused when its JSON has another shape, and the answer names every fault', async () => {
    for (const body of [null, 1, 'text', [], [agent], {}, { ...agent, extra: 1 }, { ...agent, agentType: 7 }]) {
      await refused('/agents', { body }, 422, 'VALIDATION_FAILED');
    }
    const { body } = await post('/tasks', { requiredAgents: ['a', 'a'], payload: [], deadlineSeconds: 0 });
    const places = body.errors.map(({ path }: { path: string }) => path);
    expect(new Set(places)).toEqual(new Set(['requiredAgents', 'payload', 'deadlineSeconds']));
  });

  it('is refused when it has another type or encoding', async () => {
    const text = JSON.stringify(agent);
    for (const type of ['text/plain', 'application/xml', 'application/json; charset=latin1', 'application/jsonx', '']) {
      await refused('/agents', raw(text, { 'content-type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
    await refused('/agents', raw(text, { 'content-encoding': 'gzip' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('is refused over 5 MB, also when it comes in pieces without a length', async () => {
    const body = { ...agent, configuration: { text: 'x'.repeat(MAX_BODY_BYTES) } };
    await refused('/agents', { body }, 413, 'PAYLOAD_TOO_LARGE');
    expect([413, 'closed']).toContain(await endlessUpload(`${url()}/agents`));
  });

  it.each(['0', 'null', 'true', '""', '[]', '{}', '[0]', '{"a":0}'])(
    'is refused when it has 100,000 times %s',
    async (value) => {
      const many = Array(100_000).fill(value).join(',');
      const text = `{"agentType":"a","createdBy":"me","configuration":{"many":[${many}]}}`;
      await refused('/agents', raw(text), 413, 'PAYLOAD_TOO_LARGE');
    },
  );

  it('gets a short answer when it has thousands of faults', async () => {
    const faults = Array.from({ length: 100 }, () => ({ type: 'agent.created', data: { a: 1, b: 2, c: 3 } }));
    const { status, body } = await post(`/streams/${newStream()}/events`, { expectedVersion: 0, events: faults });
    expect(status).toBe(422);
    expect(JSON.stringify(body).length).toBeLessThan(64 * 1024);
    const many = await post(`/streams/${newStream()}/events`, { expectedVersion: 0, events: Array(90_000).fill(0) });
    expect(many.body.errors).toEqual([{ path: 'events', message: 'must hold 1 to 100 events, holds 90000' }]);
  });
});

describe('an error', () => {
  it('tells nothing about files, code or storage', async () => {
    const answers = await Promise.all([
      call('POST', '/agents', raw('{')),
      get('/agents/%00'),
      get('/nowhere/at/all'),
      post('/agents/none/steps', { action: 'x' }),
    ]);
    for (const { body } of answers) {
      expect(Object.keys(body).toSorted()).toEqual(['code', 'detail', 'status', 'title', 'type']);
      expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts\b|\bat \w+ \(|sqlite/i);
    }
  });
});

describe('a position after the end of the log', () => {
  it('is refused, and does not count as damage', async () => {
    const after = '000000000001.all_99999999_0';
    const refusal = { status: 422, body: { code: 'VALIDATION_FAILED', errors: [{ path: 'after' }] } };
    expect(await get(`/events?after=${after}`)).toMatchObject(refusal);
    const stream = await fetch(`${url()}/events/stream?after=${after}`);
    expect(await stream.text()).toContain('"code":"VALIDATION_FAILED"');
  });
});
