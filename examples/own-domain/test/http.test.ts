import { deepEqual, equal } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type OpenAnnals, openAnnals } from 'annals';
import app from '../app.ts';

let dataDir: string;
let annals: OpenAnnals;
let url: string;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'own-domain-'));
  annals = await openAnnals(app, { dataDir });
  ({ url } = await annals.listen({ port: 0 }));
});
after(async () => {
  await annals.close();
  await rm(dataDir, { recursive: true });
});

async function post(path: string, body: object): Promise<{ status: number; version: number }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, ...((await response.json()) as { version: number }) };
}
const get = async (path: string) => (await fetch(`${url}${path}`)).json();

test('an invoice is issued, reminded and paid over HTTP', async () => {
  equal((await post('/accounts', { accountId: 'acme', name: 'Acme' })).status, 201);
  equal((await post('/invoices', { invoiceId: '1', accountId: 'acme', cents: 500 })).status, 201);
  await get('/invoices/1?waitFor=2'); // the reminder of the saga
  const paid = await post('/invoices/1/pay', {});
  equal(paid.status, 201);
  const view = { state: 'paid', accountId: 'acme', cents: 500, reminders: 1, version: paid.version };
  deepEqual(await get(`/invoices/1?waitFor=${paid.version}`), view);
  deepEqual(await get('/invoices?state=paid'), { invoices: [view], next: null });
  equal((await post('/invoices/1/pay', {})).status, 409);
});
