import { readFileSync } from 'node:fs';
import pLimit from 'p-limit';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { EventDefinition } from '../../../core/events/define.ts';
import { envelopeInput } from '../../../core/events/envelope.ts';
import agents from '../../../domain/application.ts';
import { definitions } from '../../../events/catalogue.ts';
import { type EdgeCase, edgeCases } from '../../support/edge-values.ts';
import { servedApi } from '../../support/served-api.ts';

const { projections } = agents;

const { get, post, logger } = servedApi();

interface Proposed {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

/** Appends the events that have to come before an event of a type. @returns their number */
async function prepare(type: string, aggregateType: string, id: string): Promise<number> {
  if (type === 'agent.state-changed' || type === 'agent.step-recorded') {
    await post('/agents', { agentId: id, agentType: 'coder', configuration: {}, createdBy: 'me' });
    return 1;
  }
  if (type === 'task.completed' || type === 'task.failed') {
    await post('/tasks', { taskId: id, requiredAgents: ['42'], payload: {}, deadlineSeconds: 600 });
    return 1;
  }
  if (aggregateType === 'workflow' && type !== 'workflow.started') {
    const plan = [{ name: 's', agentType: 'coder' }];
    await post('/workflows', { workflowId: id, workflowType: 'w', initiatedBy: 'me', parameters: { plan } });
    if (type !== 'workflow.step-failed') return 1;
    const isAssigned = async () => expect((await get(`/workflows/${id}`)).body.assigned?.stepId).toBe('s');
    await vi.waitFor(isAssigned, { interval: 5, timeout: 10_000 });
    return 2;
  }
  return 0;
}

function sampleOf({ type, version, streamIds = [] }: EventDefinition, id: string): Proposed {
  const url = new URL(`../../../events/samples/${type}.v${version}.json`, import.meta.url);
  const { data, severity, category } = JSON.parse(readFileSync(url, 'utf8'));
  const ids = Object.fromEntries(streamIds.map((name) => [name, id]));
  const step = type.startsWith('workflow.step') ? { stepId: 's' } : {};
  return { type, ...(severity ? { severity, category } : {}), data: { ...data, ...step, ...ids } };
}

/** Every stream with an accepted event, with its version. */
const written = new Map<string, number>();
/** Sagas that an accepted answer ends. */
const ending = new Map<string, string>();
const sagas: Readonly<Record<string, string>> = {
  'task.completed': 'multi-agent-task',
  'task.failed': 'multi-agent-task',
  'workflow.step-completed': 'workflow',
  'workflow.step-failed': 'workflow',
};
let cases = 0;

/** Several at once, so that the server is never idle. */
const each = <T>(items: Iterable<T>, work: (item: T) => Promise<void>) => {
  const limit = pLimit(8);
  return Promise.all([...items].map((item) => limit(() => work(item))));
};

async function append(
  definition: EventDefinition,
  name: string,
  change: (sample: Proposed) => Proposed,
): Promise<void> {
  const id = `edge${++cases}`;
  const stream = `${definition.aggregateType}-${id}`;
  const before = await prepare(definition.type, definition.aggregateType, id);
  const event = change(sampleOf(definition, id));
  const reply = await post(`/streams/${stream}/events`, { expectedVersion: 'any', events: [event] });
  const { body } = await get(`/streams/${stream}/events?limit=100`);
  const [stored] = before === 0 ? (body.events ?? []) : body.events.filter(({ type }: Proposed) => type === event.type);
  if (reply.status >= 400) {
    expect(reply.status, name).toBeLessThan(500);
    expect(stored, name).toBeUndefined();
    return;
  }
  expect(reply.status, name).toBe(201);
  const { timestamp, data, metadata, ...others } = JSON.parse(JSON.stringify(event));
  expect(stored, name).toMatchObject(others);
  expect(stored.data, name).toEqual(data);
  const { recordedAt, trace: _, ...given } = stored.metadata;
  expect(given, name).toEqual(metadata ?? {});
  expect(stored.timestamp, name).toBe(timestamp ? new Date(timestamp).toISOString() : recordedAt);
  written.set(stream, stored.sequenceNumber);
  const saga = sagas[definition.type];
  if (saga && !name.includes(' stepId ')) ending.set(`${saga}:${id}`, name);
}

const placed = (sample: Proposed, { place: [name = ''], value }: EdgeCase): Proposed => ({ ...sample, [name]: value });

describe('an event with a value at the edge of its schema is refused or stored unchanged', () => {
  for (const definition of definitions as readonly EventDefinition[]) {
    if (definition.access === 'internal') continue;
    it(`${definition.type}: each member of its data`, async () => {
      const faults: unknown[] = [];
      await each(edgeCases(definition.data), async (edge) => {
        const name = `${definition.type} ${edge.place} ${edge.note}`;
        const change = (sample: Proposed) => ({ ...sample, data: placed(sample.data as Proposed, edge) });
        await append(definition, name, change).catch((fault: unknown) => faults.push(String(fault).slice(0, 300)));
      });
      expect(faults).toEqual([]);
    }, 120_000);
  }

  it('each member of its envelope', async () => {
    const agent = definitions.find(({ type }) => type === 'agent.created') as EventDefinition;
    await each(edgeCases(z.object(envelopeInput)), (edge) =>
      append(agent, `envelope ${edge.place} ${edge.note}`, (sample) => placed(sample, edge)),
    );
  }, 120_000);
});

describe('after all these events', () => {
  it('every stream has a view, live and in the past', async () => {
    const homes: Readonly<Record<string, string>> = { agent: 'agents', task: 'tasks', workflow: 'workflows' };
    await each(written, async ([stream, version]) => {
      const [aggregateType = '', id] = stream.split('-');
      const list = homes[aggregateType];
      if (!list) return;
      for (const query of [`waitFor=${version}`, `version=${version}`]) {
        const { status, body } = await get(`/${list}/${id}?${query}`);
        expect([status, body.code], `${stream} ${query}`).toEqual([200, undefined]);
      }
    });
  }, 120_000);

  it('every saga with an answer has ended', async () => {
    const going: string[] = [];
    await each(ending, async ([saga, name]) => {
      const isOver = async () => expect((await get(`/sagas/${saga}`)).body.state).toMatch(/COMPLETED|FAILED/);
      await vi.waitFor(isOver, { timeout: 10_000 }).catch(() => going.push(name));
    });
    expect(going).toEqual([]);
  }, 120_000);

  it('the log has all of them', async () => {
    const met = new Set<string>();
    let after = '';
    for (let caughtUp = false; !caughtUp; ) {
      const { status, body } = await get(`/events?limit=200${after}`);
      expect(status).toBe(200);
      for (const { aggregateType, aggregateId } of body.events) met.add(`${aggregateType}-${aggregateId}`);
      [caughtUp, after] = [body.caughtUp, `&after=${body.next}`];
    }
    expect([...written.keys()].filter((stream) => !met.has(stream))).toEqual([]);
  }, 120_000);

  it('shared views and lists answer, and there is no dead letter', async () => {
    for (const path of [
      '/projections/fleet-overview/all',
      '/rankings/leaderboard',
      '/agents',
      '/tasks',
      '/workflows',
      '/sagas',
      '/projections',
    ]) {
      expect((await get(path)).status, path).toBe(200);
    }
    const at = new Date().toISOString();
    for (const name of ['agent-status', 'task-status', 'workflow-status', 'saga-status']) {
      expect((await get(`/projections/${name}?at=${at}`)).status, name).toBe(200);
    }
    expect((await get(`/projections/fleet-overview/all?at=${at}`)).status).toBe(200);
    expect((await get('/dead-letters')).body.deadLetters).toEqual([]);
    expect((await get('/sagas?state=PARKED')).body.sagas).toEqual([]);
    expect(logger.error.mock.calls).toEqual([]);
  }, 120_000);

  it('each projection is rebuilt, and verification finds no difference', async () => {
    for (const { name } of projections) {
      const { status, body } = await post(`/projections/${name}/rebuilds`, {});
      expect(status, name).toBe(202);
      const rebuild = `/projections/${name}/rebuilds/${body.rebuildId}`;
      await vi.waitFor(async () => expect((await get(rebuild)).body.state, name).toMatch(/switched|failed/), 60_000);
      expect((await get(rebuild)).body, name).not.toHaveProperty('error');
    }
    const { body } = await post('/verifications', undefined);
    const verification = `/verifications/${body.verificationId}`;
    await vi.waitFor(async () => expect((await get(verification)).body.state).toBe('done'), 60_000);
    expect((await get(verification)).body).toMatchObject({ total: 0, differences: [] });
  }, 300_000);
});
