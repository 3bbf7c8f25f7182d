import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { RoutedRequest } from '../../../api/http/route.ts';
import { keyedOperation } from '../../../api/operations/keyed-operations.ts';
import { operationRoutes } from '../../../api/operations/operations.ts';
import { NOTE_DAYS } from '../../../core/store/event-store.ts';
import { MemoryControlStore } from '../../support/memory-control.ts';
import { servedApi } from '../../support/served-api.ts';

const { call, get, post } = servedApi();
const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });
const REUSED = { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } };

const verified = (verificationId: string) =>
  vi.waitFor(async () => expect((await get(`/verifications/${verificationId}`)).body.state).toBe('done'));

describe('the note of a keyed request', () => {
  it(`is removed after ${NOTE_DAYS} days, by later requests`, async () => {
    const control = new MemoryControlStore();
    const day = 24 * 3_600_000;
    const noteAt = (ms: number) => ({ digest: 'd', at: new Date(Date.now() - ms).toISOString() });
    for (const id of ['y', 'z'])
      await control.put('request', `z${id}`, noteAt(id === 'y' ? NOTE_DAYS * day + 1 : day), 0);
    const route = keyedOperation({
      ...{ name: 'any', method: 'POST', path: '/any', summary: '', answer: z.object({}), statuses: {} },
      respond: (_, __, around = (_, work) => work()) =>
        around({ correlationId: 'c', causationId: undefined, idempotencyKey: 'k', digest: 'e' }, async () => ({
          status: 200,
          body: {},
        })),
    });
    await route.respond({} as RoutedRequest, { control });
    const { items } = await control.list('request', { limit: 10 });
    expect(items.map(({ id }) => id)).not.toContain('zy');
    expect(items).toHaveLength(2);
  });
});

describe('the idempotency key of an operation', () => {
  it('repeats the answer of a verification that has ended, and starts no second verification', async () => {
    const first = await call('POST', '/verifications', keyed('verify'));
    await verified(first.body.verificationId);
    const again = await call('POST', '/verifications', keyed('verify'));
    expect([again.status, again.body]).toEqual([202, first.body]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const other = await call('POST', '/verifications', keyed('another'));
    expect(other.body).not.toEqual(first.body);
    await verified(other.body.verificationId);
  });

  it('of one replay is refused for another replay', async () => {
    const [a, b] = [{ projection: 'agent-status' }, { projection: 'task-status' }];
    const replays = await Promise.all([post('/replays', a), post('/replays', b)]);
    const [first, second] = replays.map(({ body }) => body.replayId);
    for (const action of ['pause', 'discard']) {
      const done = await call('POST', `/replays/${first}/${action}`, keyed(action));
      expect(await call('POST', `/replays/${second}/${action}`, keyed(action))).toMatchObject(REUSED);
      const again = await call('POST', `/replays/${first}/${action}`, keyed(action));
      expect([again.status, again.body]).toEqual([done.status, done.body]);
    }
    expect((await get(`/replays/${second}`)).body.state).not.toBe('discarded');
  });

  it('of a refused request lets that request be tried again, and refuses other requests', async () => {
    const ask = () => post('/replays', { projection: 'nope' }, keyed('refused').headers);
    expect((await ask()).status).toBe(404);
    expect((await ask()).status).toBe(404);
    expect(await post('/replays', { projection: 'agent-status' }, keyed('refused').headers)).toMatchObject(REUSED);
  });

  it('of a preview is refused for the redrive', async () => {
    expect((await call('POST', '/dead-letters/redrive?preview=true', keyed('redrive'))).status).toBe(200);
    expect(await call('POST', '/dead-letters/redrive', keyed('redrive'))).toMatchObject(REUSED);
  });

  const bodies: Readonly<Record<string, object>> = {
    requestReplay: { projection: 'agent-status' },
    switchToReplay: {},
  };
  const params: Readonly<Record<string, string>> = { deadLetterId: 'agent-status:agent-1' };
  const posts = operationRoutes.filter(({ method }) => method === 'POST');
  it.each(posts)('is checked by every route: $name', async ({ name, path }) => {
    const key = keyed(`held-by-${name}`);
    await call('POST', name === 'verify' ? '/failed-batches/redrive' : '/verifications', key);
    const target = path.replaceAll(/\{(\w+)\}/g, (_, param: string) => params[param] ?? 'x');
    const body = bodies[name];
    expect(await call('POST', target, { ...key, ...(body && { body }) })).toMatchObject(REUSED);
  });
});
