import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnnalsClient, createClient } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';

const api = servedApi();
let client: AnnalsClient;
beforeAll(() => {
  client = createClient({ url: api.url() });
});

const PLAN = [
  { name: 'code', agentType: 'coder' },
  { name: 'deploy', agentType: 'operator', approval: { by: 'ops', deadlineSeconds: 600 } },
];

/** A workflow whose second step waits for an approval. */
async function waiting(workflowId: string) {
  await client.workflows.start({ workflowId, workflowType: 'x', initiatedBy: 'me', parameters: { plan: PLAN } });
  await client.workflows.completeStep(workflowId, { stepId: 'code', stepType: 'code', output: {}, nextStep: 'deploy' });
  const approvalId = `workflow:${workflowId}:deploy:ok`;
  await client.approvals.get(approvalId, { waitFor: 1 });
  return { sagaId: `workflow:${workflowId}`, approvalId };
}
const approval = { decision: 'approve', who: 'Ada', why: 'the tests pass' } as const;
const refusal = { decision: 'refuse', who: 'Bob', why: 'not on a Friday' } as const;

describe('an approval', () => {
  it('is listed for whoever decides, with what is asked and until when, and shown in its saga', async () => {
    const { sagaId, approvalId } = await waiting('w-1');
    const { approvals } = await client.approvals.list({ by: 'ops', state: 'open' });
    expect(approvals).toEqual([
      expect.objectContaining({
        ...{ approvalId, sagaId, item: 'deploy:ok', by: 'ops', state: 'open', otherwise: 'refuse' },
        ...{ title: 'begin step deploy of workflow w-1', asks: { workflowId: 'w-1', step: 'deploy' } },
      }),
    ]);
    expect(Date.parse(approvals[0]?.until ?? '')).toBeGreaterThan(Date.now());
    expect((await client.approvals.list({ by: 'legal' })).approvals).toEqual([]);
    const { steps } = await client.sagas.get(sagaId);
    expect(steps.at(-1)).toMatchObject({ item: 'deploy:ok', state: 'outstanding', approvalId });
  });

  it('lets the saga go on, and is decided once', async () => {
    const { sagaId, approvalId } = await waiting('w-2');
    const decided = { approvalId, state: 'approved', version: 2 };
    expect(await client.approvals.decide(approvalId, approval, { idempotencyKey: 'a' })).toMatchObject(decided);
    expect(await client.approvals.decide(approvalId, approval, { idempotencyKey: 'a' })).toMatchObject({
      ...decided,
      repeated: true,
    });
    expect(await client.approvals.decide(approvalId, approval)).toMatchObject(decided);
    await expect(client.approvals.decide(approvalId, refusal)).rejects.toMatchObject({ code: 'COMMAND_REJECTED' });
    await vi.waitFor(async () => {
      expect((await client.sagas.get(sagaId)).steps.at(-1)).toMatchObject({ item: 'deploy', state: 'outstanding' });
    });
    expect(await client.approvals.get(approvalId, { waitFor: 2 })).toMatchObject({ state: 'approved', ...approval });
    expect((await client.approvals.list({ sagaId, state: 'approved' })).approvals).toHaveLength(1);
  });

  it('undoes the saga when it is refused', async () => {
    const { sagaId, approvalId } = await waiting('w-3');
    await client.approvals.decide(approvalId, refusal);
    await vi.waitFor(async () => {
      expect(await client.sagas.get(sagaId)).toMatchObject({
        state: 'FAILED',
        reason: 'refused by Bob: not on a Friday',
      });
    });
    await vi.waitFor(async () => expect(await client.workflows.get('w-3')).toMatchObject({ state: 'failed' }));
  });

  it('is withdrawn when the saga is cancelled', async () => {
    const { sagaId, approvalId } = await waiting('w-4');
    await client.sagas.cancel(sagaId, { reason: 'not needed' });
    expect(await client.approvals.get(approvalId, { waitFor: 2 })).toMatchObject({
      ...{ state: 'withdrawn', why: 'not needed' },
    });
    await expect(client.approvals.decide(approvalId, approval)).rejects.toMatchObject({ code: 'COMMAND_REJECTED' });
  });

  it('is refused without a name, a reason or a stream', async () => {
    const decide = (path: string, body: object) => api.call('POST', `/approvals/${path}`, { body });
    expect((await decide('x', { decision: 'approve', who: 'Ada' })).status).toBe(422);
    expect((await decide('x', { ...approval, decision: 'maybe' })).status).toBe(422);
    expect((await decide('x', approval)).status).toBe(404);
    expect((await api.get('/approvals/x')).status).toBe(404);
  });
});

it('a signal that no step waits for is refused', async () => {
  const { sagaId } = await waiting('w-5');
  await expect(client.sagas.signal(sagaId, 'shipped', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.sagas.signal('workflow:none', 'shipped', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.sagas.signal('other:none', 'shipped', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it('only sagas ask for approvals', async () => {
  const data = { approvalId: 'x', sagaId: 's', item: 'i', by: 'ops', decision: 'approve', who: 'me', why: 'x' };
  const body = { expectedVersion: 'any', events: [{ type: 'approval.decided', data }] };
  expect((await api.call('POST', '/streams/approval-x/events', { body })).status).toBe(403);
});
