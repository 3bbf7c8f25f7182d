import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isExactNumber } from '../../../core/events/exact-number.ts';
import { servedApi } from '../../support/served-api.ts';

const { call, get, post } = servedApi();

const agent = (agentId: string) => ({ agentId, agentType: 'coder', configuration: {}, createdBy: 'ops' });
const MOST = 1e15;

describe('an amount', () => {
  it.each([9_007_199_254_740_991, 1e300, 1.7e308, MOST + 1, -1, -1e-9])(
    'of %d is refused in every place',
    async (n) => {
      const agentId = `outside${String(n).replaceAll(/[^a-z0-9]/g, '')}`;
      await post('/agents', agent(agentId));
      await post('/tasks', { taskId: agentId, requiredAgents: ['a'], payload: {}, deadlineSeconds: 60 });
      const answer = { agentId: 'a', result: null, duration: 1, resources: {} };
      const event = (type: string, data: object) => ({ expectedVersion: 'any', events: [{ type, data }] });
      const step = { agentId, action: 'a', usage: { tokens: n } };
      for (const [path, body, place] of [
        [`/agents/${agentId}/steps`, { action: 'a', usage: { tokens: n } }, 'usage.tokens'],
        [`/agents/${agentId}/steps`, { action: 'a', durationMs: n }, 'durationMs'],
        [`/tasks/${agentId}/completions`, { ...answer, duration: n }, 'duration'],
        [
          `/tasks/${agentId}/completions`,
          { ...answer, resources: { gpu: [{ seconds: n }] } },
          'resources.gpu.0.seconds',
        ],
        [`/streams/agent-${agentId}/events`, event('agent.step-recorded', step), 'events.0.data.usage.tokens'],
      ] as const) {
        const refused = await post(path, body);
        expect(refused, path).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
        expect(refused.body.errors).toEqual([
          { path: place, message: 'must be a number from 0 to 1,000,000,000,000,000' },
        ]);
      }
      const appends = [{ streamId: `agent-${agentId}`, events: [{ type: 'agent.step-recorded', data: step }] }];
      expect((await post('/events:batch', { appends })).body.results).toMatchObject([{ status: 422 }]);
    },
  );

  it('of the largest size can be added many times: views stay readable live, in the past and after a rebuild', async () => {
    for (const agentId of ['most-1', 'most-2']) {
      await post('/agents', agent(agentId));
      for (let n = 0; n < 12; n++) {
        const usage = { tokens: MOST, inputTokens: MOST, outputTokens: 0.5, costUsd: MOST };
        expect((await post(`/agents/${agentId}/steps`, { action: 'a', durationMs: MOST, usage })).status).toBe(201);
      }
      const { body } = await get(`/agents/${agentId}?waitFor=13`);
      expect(body).toMatchObject({
        durationMs: Number.MAX_SAFE_INTEGER,
        usage: { costUsd: Number.MAX_SAFE_INTEGER, outputTokens: 6 },
      });
      expect((await get(`/agents/${agentId}?version=13`)).body).toEqual(body);
    }
    const overview = () => get('/projections/fleet-overview/all');
    await vi.waitFor(async () => expect((await overview()).body.stepsByType).toEqual({ coder: 24 }));
    const { status, body } = await overview();
    expect([status, body.tokensByType]).toEqual([200, { coder: Number.MAX_SAFE_INTEGER }]);
    expect((await get(`/projections/fleet-overview/all?at=${new Date().toISOString()}`)).body).toEqual(body);
    const { rebuildId } = (await post('/projections/fleet-overview/rebuilds', {})).body;
    const rebuild = () => get(`/projections/fleet-overview/rebuilds/${rebuildId}`);
    await vi.waitFor(
      async () => expect((await rebuild()).body).toMatchObject({ state: 'switched', failed: 0 }),
      10_000,
    );
    expect((await overview()).body).toEqual(body);
  });
});

describe('a number in JSON', () => {
  const kept = {
    '1.0': 1,
    '1e2': 100,
    '1E+2': 100,
    '0.10e1': 1,
    '-0': 0,
    '0.0e400': 0,
    '0.30000000000000004': 0.30000000000000004,
    '0.3333333333333333': 1 / 3,
    '100000000000000000000000': 1e23,
    '9007199254740992': 2 ** 53,
    '1.7976931348623157e308': Number.MAX_VALUE,
    '5e-324': Number.MIN_VALUE,
    '123456789.12345678': 123456789.12345678,
  };

  it.each(Object.entries(kept))('is kept when it is written as %s', async (text, value) => {
    const agentId = `n${text.replaceAll(/[^0-9a-zE.]/g, '_')}`;
    const raw = `{"agentId":"${agentId}","agentType":"a","createdBy":"b","configuration":{"n":[${text}]}}`;
    expect((await call('POST', '/agents', { raw, headers: { 'content-type': 'application/json' } })).status).toBe(201);
    expect((await get(`/agents/${agentId}?waitFor=1`)).body.configuration).toEqual({ n: [value] });
  });

  it.each(['12345678901234567890.0', '0.10000000000000001', '1e400'])(
    'is refused in every append when it is written as %s',
    async (n) => {
      const event = `{"type":"agent.created","data":{"agentId":"r","agentType":"a","createdBy":"b","configuration":{"n":${n}}}}`;
      for (const [path, raw] of [
        ['/streams/agent-r/events', `{"expectedVersion":0,"events":[${event}]}`],
        ['/events:batch', `{"appends":[{"streamId":"agent-r","events":[${event}]}]}`],
      ] as const) {
        const refused = await call('POST', path, { raw, headers: { 'content-type': 'application/json' } });
        expect(refused).toMatchObject({ status: 400, body: { code: 'MALFORMED_JSON' } });
      }
    },
  );

  /** A decimal in units of 10^-2000. */
  const exactly = (text: string): bigint => {
    const [, sign, whole = '', fraction = '', exponent = '0'] =
      /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
    const value = BigInt(whole + fraction) * 10n ** BigInt(2_000 - fraction.length + Number(exponent));
    return sign ? -value : value;
  };

  it('is kept if and only if its double prints as the same decimal, in any notation', () => {
    const written = fc.stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$/);
    const printed = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
    fc.assert(
      fc.property(fc.oneof(printed, written), (text) => {
        const value = Number(text);
        expect(isExactNumber(text)).toBe(Number.isFinite(value) && exactly(text) === exactly(String(value)));
      }),
      { numRuns: 1_000 },
    );
    fc.assert(fc.property(printed, isExactNumber));
  });
});
