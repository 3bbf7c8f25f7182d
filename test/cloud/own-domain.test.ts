import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { deployApp, emulatedApiUrl, type Outputs } from '../../bin/cloud/deploy.ts';
import { cloudFolder } from '../../bin/cloud/shell.ts';
import { linkAnnals, ownDomainExample } from '../support/own-domain-example.ts';
import { ask } from './client.ts';

const endpoint = process.env['AWS_ENDPOINT_URL'] ?? '';
const PATIENCE = { timeout: 400_000 };

/** The value of the output of that name, which CDK gives a prefix and a hash. */
function output(outputs: Outputs, name: string): string {
  const [, value] = Object.entries(outputs).find(([key]) => new RegExp(`${name}[0-9A-F]{8}$`).test(key)) ?? [];
  if (value === undefined) throw new Error(`no output ${name} among ${Object.keys(outputs).join(', ')}`);
  return value;
}

// Another application on the same account: its events, its aggregates, its CDK app with one stack.
describe.runIf(inject('deployment').emulated)('examples/own-domain, deployed by its own CDK app', () => {
  let apiUrl: string;
  const send = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await ask(method, path, body && JSON.stringify(body), apiUrl);
    // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
    return { status: answer.status, body: (await answer.json()) as any };
  };
  const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 500 });

  beforeAll(async () => {
    linkAnnals();
    const app = ['-c', 'emulator=yes', '--output', join(cloudFolder, 'cdk.out-own-domain')];
    const outputs = await deployApp(endpoint, join(cloudFolder, 'outputs-own-domain.json'), app, {
      cwd: ownDomainExample,
    });
    apiUrl = emulatedApiUrl(endpoint, output(outputs, 'ApiUrl')).replace(/\/$/, '');
  }, PATIENCE.timeout);

  it('has its routes, its views and its saga, and nothing of agents', PATIENCE, async () => {
    const id = `c${Date.now()}`;
    expect(await send('POST', '/accounts', { accountId: id, name: 'Acme' })).toMatchObject({ status: 201 });
    const issued = await send('POST', '/invoices', { invoiceId: id, accountId: id, cents: 500 });
    expect(issued).toMatchObject({ status: 201, body: { invoiceId: id, version: 1 } });
    const types = async () => {
      const { body } = await send('GET', `/streams/invoice-${id}/events`);
      return body.events.map(({ type }: { readonly type: string }) => type);
    };
    await eventually(async () => expect(await types()).toEqual(['invoice.issued', 'invoice.reminded']));
    expect(await send('POST', `/invoices/${id}/pay`, {})).toMatchObject({ status: 201, body: { version: 3 } });
    await eventually(async () => {
      expect((await send('GET', `/invoices/${id}`)).body).toMatchObject({ state: 'paid', version: 3 });
      expect((await send('GET', `/sagas/dunning:${id}`)).body).toMatchObject({ state: 'COMPLETED' });
    });
    expect((await send('POST', `/invoices/${id}/pay`, {})).status).toBe(409);
    expect((await ask('GET', '/agents', undefined, apiUrl)).status).toBeGreaterThanOrEqual(400);
  });

  it('waits for a person and for a signal, and is undone when the person refuses', PATIENCE, async () => {
    const paid = async (id: string) => {
      await send('POST', '/invoices', { invoiceId: id, accountId: 'shop', cents: 500 });
      await send('POST', `/invoices/${id}/pay`, {});
      const approvalId = `shipping:${id}:release`;
      await eventually(async () => {
        const { body } = await send('GET', '/approvals?by=warehouse&state=open&limit=100');
        expect(body.approvals.map((each: { readonly approvalId: string }) => each.approvalId)).toContain(approvalId);
      });
      return `/approvals/${approvalId}`;
    };
    const inState = (id: string, state: object) =>
      eventually(async () => expect((await send('GET', `/sagas/shipping:${id}`)).body).toMatchObject(state));
    const [good, bad] = [`g${Date.now()}`, `b${Date.now()}`];
    const decided = { who: 'Ada', why: 'as we said' };
    const approval = await paid(good);
    expect(await send('POST', approval, { decision: 'approve', ...decided })).toMatchObject({ status: 200 });
    await inState(good, { steps: [{ state: 'completed' }, { item: 'shipped', state: 'outstanding' }] });
    expect((await send('POST', `/sagas/shipping:${good}/signals/shipped`, { payload: {} })).status).toBe(422);
    const signal = await send('POST', `/sagas/shipping:${good}/signals/shipped`, { payload: { parcel: '42' } });
    expect(signal).toMatchObject({ status: 202 });
    await inState(good, { state: 'COMPLETED' });
    expect((await send('POST', approval, { decision: 'refuse', ...decided })).status).toBe(409);
    const refused = await paid(bad);
    await send('POST', refused, { decision: 'refuse', ...decided });
    await inState(bad, { state: 'FAILED', reason: 'refused by Ada: as we said' });
  });

  it('describes itself', async () => {
    const { body } = await send('GET', '/openapi.json');
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/invoices/{invoiceId}/pay', '/accounts']));
    expect(Object.keys(body.paths)).not.toContain('/agents');
  });
});
