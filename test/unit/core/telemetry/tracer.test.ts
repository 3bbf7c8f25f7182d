import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { decodeCommit } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { parseTraceHeader, traceHeaderOf } from '../../../../core/telemetry/trace-header.ts';
import { traceTree } from '../../../../core/telemetry/trace-tree.ts';
import { tracedDelivery, traceHandling, traceOf } from '../../../../core/telemetry/traced.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { recordTelemetry } from '../../../support/recorded-telemetry.ts';
import { newStream, step } from '../../../support/sample-events.ts';

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';
const header = `Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`;

it('a header of AWS is parsed, and any other text is refused', () => {
  expect(parseTraceHeader(header)).toEqual({ traceId: ROOT, parentId: '53995c3f42cd8ad8', sampled: true });
  expect(parseTraceHeader(`Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:2:3`)?.sampled).toBe(false);
  expect(parseTraceHeader(`Root=${ROOT}`)).toEqual({ traceId: ROOT, sampled: true });
  expect(traceHeaderOf({ traceId: ROOT, parentId: '53995c3f42cd8ad8', sampled: true })).toBe(header);
  for (const no of [undefined, '', 'Root=', 'Root=1-5759e988-bd862e3f', `${header}\nX: y`, `x${header}`]) {
    expect(parseTraceHeader(no)).toBeUndefined();
  }
});

it('spans nest as the calls do, side by side and across awaits, with the ids of the conversation', async () => {
  const { tracer, spans } = recordTelemetry();
  const inner = (name: string) =>
    tracer.part(name, {}, async () => {
      await delay(2);
      await tracer.part(`${name}.inner`, {}, async () => expect(tracer.ids.correlationId).toBe('talk'));
    });
  await tracer.service('annals', header, { correlationId: 'talk' }, () => Promise.all([inner('a'), inner('b')]));
  const byName = Object.fromEntries(spans.map((span) => [span.name, span]));
  expect(byName['annals']).toMatchObject({ parent_id: '53995c3f42cd8ad8', annotations: { correlation_id: 'talk' } });
  expect(byName['a']).toMatchObject({ parent_id: byName['annals']?.id, type: 'subsegment' });
  expect(byName['a.inner']?.parent_id).toBe(byName['a']?.id);
  expect(byName['b.inner']?.parent_id).toBe(byName['b']?.id);
  expect(new Set(spans.map(({ trace_id }) => trace_id))).toEqual(new Set([ROOT]));
  for (const { start_time, end_time } of spans) expect(end_time).toBeGreaterThanOrEqual(start_time);
  expect(tracer.ids).toEqual({});
});

it('an unsampled trace is not recorded, and its header is passed on', async () => {
  const { tracer, spans } = recordTelemetry();
  await tracer.service('annals', header.replace('Sampled=1', 'Sampled=0'), {}, async () => {
    expect(tracer.header).toMatch(new RegExp(`^Root=${ROOT};Parent=[0-9a-f]{16};Sampled=0$`));
  });
  expect(spans).toEqual([]);
});

it('a failure is recorded by the class of the error, never by its text, and by whose doing it was', async () => {
  const { tracer, spans } = recordTelemetry();
  const failing = (isCallersError: boolean) =>
    tracer.service('annals', undefined, { isCallersError: () => isCallersError }, () =>
      Promise.reject(new TypeError('my secret')),
    );
  await expect(failing(true)).rejects.toThrow('my secret');
  await expect(failing(false)).rejects.toThrow('my secret');
  expect(spans).toMatchObject([{ error: true }, { fault: true, cause: { exceptions: [{ type: 'TypeError' }] } }]);
  expect(JSON.stringify(spans)).not.toContain('secret');
});

it('one trace leads from a request through the commit to its delivery and to its subscribers', async () => {
  const { tracer, spans } = recordTelemetry();
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const stream = newStream();
  await tracer.service('annals', undefined, { correlationId: 'talk' }, () =>
    store.append(stream, [step('think')], {
      expectedVersion: 0,
      trace: tracer.header,
      defaults: { correlationId: 'talk', source: 'coder' },
    }),
  );
  const commits = await Array.fromAsync(store.commits(stream));
  const deliver = tracedDelivery(
    'relay',
    async ([commit]) => {
      for (const event of commit ? decodeCommit(commit, catalogue) : []) {
        expect(traceOf(event)).toBe(commit?.trace);
        await traceHandling(tracer)(event, async () => {});
      }
      return [];
    },
    { tracer, catalogue },
  );
  expect(await deliver(commits)).toEqual([]);
  const { spans: roots } = traceTree(spans[0]?.trace_id ?? '', spans);
  expect(roots).toMatchObject([
    {
      name: 'annals',
      children: [
        {
          name: 'annals-relay',
          attributes: { stream, processor_name: 'relay', event_type: 'agent.step-recorded', event_source: 'coder' },
        },
        { name: 'event.process.agent.step-recorded', attributes: { correlation_id: 'talk' } },
      ],
    },
  ]);
});

it('of a batch, each commit’s span tells of its own failure, and the work is done once', async () => {
  const { tracer, spans } = recordTelemetry();
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const streams = [newStream(), newStream()];
  for (const stream of streams) {
    await store.append(stream, [step('x')], { expectedVersion: 0, trace: header });
  }
  const commits = (await Promise.all(streams.map((stream) => Array.fromAsync(store.commits(stream))))).flat();
  let runs = 0;
  const work = async () => {
    runs += 1;
    const [, second] = commits;
    return second ? [{ commit: second, error: new Error('no') }] : [];
  };
  expect(await tracedDelivery('projector', work, { tracer, catalogue })(commits)).toHaveLength(1);
  expect(runs).toBe(1);
  expect(spans.map(({ fault = false }) => fault).sort()).toEqual([false, true]);
  await expect(
    tracedDelivery('projector', () => Promise.reject(new Error('all')), { tracer, catalogue })(commits),
  ).rejects.toThrow('all');
});
