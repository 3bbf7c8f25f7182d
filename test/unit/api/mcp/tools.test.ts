import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type McpProtocol, mcpOverHttp, protocols } from '../../../support/mcp-client.ts';
import { servedApi } from '../../../support/served-api.ts';

const { get, post, url } = servedApi();

const agent = (agentId: string) => ({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });

describe.each(Object.keys(protocols) as McpProtocol[])('the tools of MCP, by the protocol of %s', (protocol) => {
  const connected = (headers?: Record<string, string>) => mcpOverHttp(url(), protocol, headers);

  it('are the commands and views of the application, its histories and the log, and say which only read', async () => {
    const { client } = await connected();
    expect(client.getNegotiatedProtocolVersion()).toBe(protocol);
    const { tools } = await client.listTools();
    const reading = tools.filter(({ annotations }) => annotations?.readOnlyHint).map(({ name }) => name);
    const writing = tools.filter(({ annotations }) => !annotations?.readOnlyHint).map(({ name }) => name);
    expect(reading).toEqual([
      ...['list_agents', 'get_agent', 'list_tasks', 'get_task', 'list_workflows', 'get_workflow'],
      ...['read_history', 'search_history', 'diff_agents', 'read_log'],
    ]);
    expect(writing).toEqual([
      ...['fork_agent', 'create_agent', 'change_agent_state', 'record_step', 'request_task', 'complete_task'],
      ...['fail_task', 'start_workflow', 'complete_workflow_step', 'fail_workflow_step'],
    ]);
    expect(tools.every(({ annotations }) => annotations?.destructiveHint === false)).toBe(true);
    expect(client.getInstructions()).toContain('idempotencyKey');
    const task = tools.find(({ name }) => name === 'complete_task')?.inputSchema.properties;
    const types = ['object', 'array', 'string', 'number', 'boolean', 'null'];
    const anything = { anyOf: types.map((type) => expect.objectContaining({ type })) };
    expect(task).toMatchObject({ result: anything, resources: { additionalProperties: anything } });
  });

  it('write what commands write, and read it back at each version', async () => {
    const { call } = await connected({ 'X-Correlation-Id': 'talk-7' });
    const agentId = randomUUID();
    expect(await call('create_agent', { ...agent(agentId), idempotencyKey: `create-${agentId}` })).toMatchObject({
      body: { agentId, version: 1 },
    });
    await call('create_agent', { ...agent(agentId), idempotencyKey: `create-${agentId}` });
    await call('record_step', { agentId, action: 'look', correlationId: 'talk-8' });
    await call('record_step', { agentId, action: 'leap' });
    expect((await call('get_agent', { agentId, version: 2 })).body).toMatchObject({ steps: 1, version: 2 });
    const { body } = await call('read_history', { streamId: `agent-${agentId}`, from: 2, limit: 1 });
    expect(body).toMatchObject({ version: 3, events: [{ data: { action: 'look' }, correlationId: 'talk-8' }] });
    const rest = await call('read_history', { streamId: `agent-${agentId}`, cursor: body.next });
    expect(rest.body).toMatchObject({ events: [{ data: { action: 'leap' }, correlationId: 'talk-7' }], next: null });
    const found = await call('search_history', { streamId: `agent-${agentId}`, text: 'LEAP' });
    expect(found.body).toMatchObject({ matches: [{ sequenceNumber: 3, excerpt: 'leap' }], next: null });

    const fork = await call('fork_agent', { agentId, atVersion: 2, newAgentId: `${agentId}-b` });
    expect(fork.body).toMatchObject({ agentId: `${agentId}-b`, parentId: agentId });
    const diff = await call('diff_agents', { agentId, with: `${agentId}-b` });
    expect(diff.body).toMatchObject({ equal: false, common: { agentId, version: 2 }, counts: { removed: 1 } });
    const log = await call('read_log', { aggregateId: agentId, type: ['agent.step-recorded'], limit: 1 });
    expect(log.body.events).toMatchObject([{ data: { action: 'look' } }]);
  });

  it('answer problems as errors that say what to do', async () => {
    const { call } = await connected();
    const agentId = randomUUID();
    const missing = await call('get_agent', { agentId });
    expect(missing).toMatchObject({ isError: true, text: expect.stringContaining('NOT_FOUND') });
    expect(missing.text).toContain('The list_ tools show the ids.');
    await call('create_agent', agent(agentId));
    const again = await call('create_agent', agent(agentId));
    expect(again).toMatchObject({ isError: true, text: expect.stringContaining('COMMAND_REJECTED') });
    const wrong = await call('record_step', { agentId, step: 1 });
    expect(wrong.isError).toBe(true);
    expect(wrong.text).toMatch(/VALIDATION_FAILED/);
    expect(wrong.text).toContain('- action: ');
    expect(wrong.text).toContain('"step"');
    expect((await call('list_agents', { colour: 'red' })).text).toContain('this route takes state, agentType');
    expect((await call('get_agent', { agentId: 'a/b' })).text).toContain('INVALID_ID');
    expect((await call('read_history', {})).isError).toBe(true);
  });

  it('answer with 64 KB at most, and pages lead to all items', async () => {
    const { call } = await connected();
    const agentId = randomUUID();
    await call('create_agent', agent(agentId));
    for (let step = 0; step < 9; step += 1) {
      await post(`/agents/${agentId}/steps`, { action: `look ${step}`, observation: 'é'.repeat(10_000) });
    }
    const seen: number[] = [];
    for (let cursor: string | undefined, done = false; !done; ) {
      const { text, body } = await call('read_history', { streamId: `agent-${agentId}`, limit: 1_000, cursor });
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
      seen.push(...body.events.map((event: { sequenceNumber: number }) => event.sequenceNumber));
      cursor = body.next ?? undefined;
      done = cursor === undefined;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

    await post(`/agents/${agentId}/steps`, { action: 'read a book', observation: 'x'.repeat(70_000) });
    const large = await call('read_history', { streamId: `agent-${agentId}`, from: 11 });
    expect(large).toMatchObject({ isError: true });
    expect(large.text).toContain('GET /streams/{streamId}/events has all of it');
  });

  it('have views and histories as resources, too', async () => {
    const { client, call } = await connected();
    const agentId = randomUUID();
    await call('create_agent', agent(agentId));
    await call('record_step', { agentId, action: 'look' });
    const read = async (uri: string) => {
      const [content] = (await client.readResource({ uri })).contents;
      return JSON.parse(content && 'text' in content ? content.text : '');
    };
    expect(await read(`annals://agents/${agentId}`)).toEqual((await get(`/agents/${agentId}`)).body);
    const { events } = await read(`annals://streams/agent-${agentId}`);
    expect(events.map(({ type }: { type: string }) => type)).toEqual(['agent.step-recorded', 'agent.created']);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'annals://agents/{agentId}',
      'annals://tasks/{taskId}',
      'annals://workflows/{workflowId}',
      'annals://streams/{streamId}',
    ]);
    await expect(client.readResource({ uri: 'annals://agents/nobody' })).rejects.toThrow('NOT_FOUND');
  });
});
