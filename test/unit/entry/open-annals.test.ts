import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { agentDecider } from '../../../domain/agent/agent.ts';
import { agentStatus } from '../../../domain/agent/agent-status.ts';
import agents from '../../../domain/application.ts';
import { fleetOverview } from '../../../domain/fleet/fleet-overview.ts';
import { inStream, openAnnals } from '../../../entry/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { startCollector } from '../../support/trace-collector.ts';

it('sends its traces to a collector, if it is told to', async () => {
  const collector = await startCollector();
  onTestFinished(() => collector.stop());
  const traces = {
    url: `http://127.0.0.1:${collector.port}/v1/traces`,
    headers: { 'x-team': 'blue' },
    serviceName: 'shop',
  };
  const options = { dataDir: temporaryFolder(), traces };
  await expect(openAnnals(agents, { ...options, traces: { url: 'nowhere' } })).rejects.toThrow('http or https URL');
  const annals = await openAnnals(agents, options);
  await annals.execute(agentDecider, '1', { kind: 'create', agentType: 'c', createdBy: 'me', configuration: {} });
  await vi.waitFor(() => expect(collector.spans.map(({ name }) => name)).toContain('annals-relay'));
  await annals.close();
  expect(collector.spans.map(({ name }) => name)).toContain('execute agent');
  expect(collector.spans[0]?.resource).toMatchObject({ 'service.name': 'shop' });
  expect(collector.requests[0]).toMatchObject({ 'x-team': 'blue' });
});

describe('openAnnals', async () => {
  const annals = await openAnnals(agents, { dataDir: temporaryFolder() });
  afterAll(() => annals.close());
  const create = { kind: 'create', agentType: 'coder', createdBy: 'me', configuration: {} } as const;
  await annals.execute(agentDecider, '1', create);
  await annals.execute(agentDecider, '1', { kind: 'record-step', thought: 'A', action: 'b', durationMs: 5 });

  it('carries out commands, repeats none, and gives the states', async () => {
    const first = await annals.execute(agentDecider, '2', create, { commitId: 'key-1' });
    expect(first).toMatchObject({ version: 1, repeated: false });
    expect(await annals.execute(agentDecider, '2', create, { commitId: 'key-1' })).toEqual({
      ...first,
      repeated: true,
    });
    await expect(annals.execute(agentDecider, '2', create)).rejects.toThrow('exists');
    expect(await annals.load(agentDecider, '1')).toMatchObject({ version: 2 });
    expect(await annals.load(agentDecider, '1', { version: 1 })).toMatchObject({ version: 1 });
  });

  it('appends what the aggregate admits, and reads it', async () => {
    const data = { agentId: '1', thought: 'C', action: 'd', durationMs: 7 };
    const step = { type: 'agent.step-recorded', data } as const;
    const { toVersion } = await annals.append('agent-1', [step], { correlationId: 'talk' });
    const [event] = await Array.fromAsync(annals.read('agent-1', { from: toVersion }));
    expect(event).toMatchObject({ ...step, correlationId: 'talk', sequenceNumber: toVersion });
    await expect(annals.append('agent-1', [step], { expectedVersion: 1 })).rejects.toThrow('expected 1');
    await expect(annals.append('agent-none', [step])).rejects.toThrow('none');
  });

  it('writes to several streams at once, decided or not', async () => {
    const step = { type: 'agent.step-recorded', data: { agentId: '4', action: 'd' } } as const;
    const data = { agentId: '4', agentType: 'coder', createdBy: 'me', configuration: {} };
    const appends = [
      { streamId: 'agent-4', expectedVersion: 0, events: [{ type: 'agent.created', data } as const, step] },
    ];
    expect(await annals.transact({ appends })).toMatchObject({ results: [{ toVersion: 2 }] });
    const handOver = (key: string) =>
      annals.decideOver(
        { from: inStream(agentDecider, '1'), to: inStream(agentDecider, '4') },
        ({ from, to }) => (from.state === to.state ? { to: [step] } : {}),
        { commitId: key },
      );
    const first = await handOver('hand-over');
    expect(first).toMatchObject({ repeated: false, results: [{ streamId: 'agent-4', toVersion: 3 }] });
    expect(await handOver('hand-over')).toMatchObject({ repeated: true, transactionId: first?.transactionId });
  });

  it('gives views of one stream and of many, and lists them', async () => {
    const { version } = await annals.load(agentDecider, '1');
    const view = await annals.view(agentStatus, '1', { waitFor: version });
    expect(view).toMatchObject({ agentType: 'coder', version });
    expect(await annals.view(agentStatus, '1', { version: 1 })).toMatchObject({ version: 1, steps: 0 });
    const first = await annals.views(agentStatus, { limit: 1 });
    const second = await annals.views(agentStatus, { limit: 1, cursor: first.next ?? '' });
    expect([...first.views, ...second.views].map(({ agentId }) => agentId)).toEqual(['1', '2']);
    expect((await annals.views(agentStatus, { group: 'completed' })).views).toEqual([]);
    expect(await annals.sharedView(fleetOverview, 'all')).toMatchObject({ agents: { created: 3 } });
  });

  it('follows the log from a position', async () => {
    const types: string[] = [];
    for await (const event of annals.follow({ aggregateId: '1' })) {
      types.push(event.type);
      if (event.sequenceNumber === 2) break;
    }
    expect(types).toEqual(['agent.created', 'agent.step-recorded']);
  });

  it('serves the API on the same data', async () => {
    const { url } = await annals.listen({ port: 0 });
    const answer = await fetch(`${url}/streams/agent-1/events?limit=1`);
    expect(await answer.json()).toMatchObject({ events: [{ type: 'agent.created' }] });
  });
});
