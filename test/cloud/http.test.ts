import { ulid } from 'ulid';
import { describe, expect, inject, it } from 'vitest';
import { noise } from '../support/sample-events.ts';
import { ask } from './client.ts';

const { apiUrl } = inject('deployment');

describe('the API', () => {
  it('says to anybody how it is', async () => {
    const answer = await fetch(`${apiUrl}/health`);
    expect(answer.status).toBe(200);
    // Another test damages a commit on purpose. A process that has read it is `degraded`, for its data alone.
    const checks = { events: 'ok', views: 'ok', control: 'ok', log: 'ok' };
    expect(await answer.json()).toMatchObject({ status: expect.stringMatching(/^(ok|degraded)$/), checks });
  });

  it.each(['/agents', '/projections', '/openapi.json', '/streams/agent-1/events'])(
    'asks for a signature on GET %s',
    async (path) => {
      expect([401, 403]).toContain((await fetch(`${apiUrl}${path}`)).status);
    },
  );

  it('asks for a signature where it writes', async () => {
    const body = JSON.stringify({ agentId: ulid(), agentType: 'coder', configuration: {}, createdBy: 'test' });
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body };
    expect([401, 403]).toContain((await fetch(`${apiUrl}/agents`, init)).status);
  });

  it('describes itself', async () => {
    const answer = await ask('GET', '/openapi.json');
    const { paths } = (await answer.json()) as { paths: object };
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/agents', '/streams/{streamId}/events', '/health']));
  });

  it('refuses invalid JSON and bodies that break a schema, and continues', async () => {
    for (const body of ['{', '[]', '{"agentType":7}', '{"a":1,"a":2}', '['.repeat(100_000)]) {
      const answer = await ask('POST', '/agents', body);
      expect([400, 422], `${body.slice(0, 20)}: ${answer.status}`).toContain(answer.status);
    }
    expect((await fetch(`${apiUrl}/health`)).status).toBe(200);
  });

  it('refuses too much', async () => {
    const event = { type: 'agent.step-recorded', data: { agentId: '1', action: noise(5_300_000) } };
    const stream = `agent-${ulid()}`;
    const body = JSON.stringify({ expectedVersion: 0, events: [event] });
    expect((await ask('POST', `/streams/${stream}/events`, body)).status).toBe(413);
    const many = Array.from({ length: 101 }, () => ({ ...event, data: { agentId: '1', action: 'edit' } }));
    const tooMany = JSON.stringify({ expectedVersion: 0, events: many });
    expect((await ask('POST', `/streams/${stream}/events`, tooMany)).status).toBe(422);
    expect((await ask('GET', `/streams/${stream}/events`)).status).toBe(404);
  });

  it('refuses ids that are none', async () => {
    for (const id of ['__proto__', '%00', '%F0%9F%98%80', 'x'.repeat(2_000), '-x']) {
      const answer = await ask('GET', `/agents/${id}`);
      expect([400, 404], `${id.slice(0, 20)}: ${answer.status}`).toContain(answer.status);
    }
  });
});
