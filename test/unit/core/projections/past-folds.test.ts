import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { PayloadTooLargeError, UnavailableError } from '../../../../core/base/errors.ts';
import type { JsonObject } from '../../../../core/events/json.ts';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { CounterNames } from '../../../../core/projections/counter-names.ts';
import { PastFolds, type PastFoldsOptions } from '../../../../core/projections/past-folds.ts';
import type { ProjectionOf } from '../../../../core/projections/projection.ts';
import { agentStatus } from '../../../../domain/agent/agent-status.ts';
import { fleetOverview } from '../../../../domain/fleet/fleet-overview.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';

const status = agentStatus as unknown as ProjectionOf<JsonObject>;
const AT = { at: new Date('2026-01-05T09:00:01.000Z'), clock: 'recorded' } as const;

async function setup(agents: number, options: Partial<PastFoldsOptions> = {}) {
  const storage = new MemoryLogStorage();
  const history = new History();
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
  const add = async (agent: string, agentType = 'coder', configuration: JsonObject = {}) => {
    const created = { agentId: agent, agentType, configuration, createdBy: 'me' };
    await writer.append([await history.commit(agent, [{ type: 'agent.created', data: created }])]);
  };
  for (let n = 0; n < agents; n += 1) await add(`a${n}`);
  const log = new EventLog({ catalogue, storage, strategy: 'single' });
  const commits = vi.spyOn(log, 'commits');
  const read = vi.spyOn(storage, 'read');
  const past = new PastFolds({ log, histories: history, views: new MemoryViewStore(), ...options });
  return { add, history, commits, read, past };
}

describe('folds of the past', () => {
  it('are made once for all simultaneous callers', async () => {
    const { past, commits } = await setup(20);
    const answers = await Promise.all(Array.from({ length: 10 }, () => past.views(status, AT)));
    expect(answers[0]).toHaveLength(20);
    expect(new Set(answers).size).toBe(1);
    expect(commits).toHaveBeenCalledTimes(1);
  });

  it('continue at their position: a page costs no second fold, and late events are in it', async () => {
    const { past, add, history, commits } = await setup(3);
    await past.views(status, AT);
    await add('late');
    history.now = 5_000;
    await add('too-late');
    const again = await past.views(status, AT);
    expect(again.map(({ key }) => key)).toEqual(['a0', 'a1', 'a2', 'late']);
    expect(commits.mock.calls.map(([position]) => position === undefined)).toEqual([true, false]);
  });

  it('hold the sums of shared views, too', async () => {
    const { past } = await setup(4);
    const counters = await past.counters(fleetOverview, AT);
    expect([...(counters.get('all') ?? [])]).toContainEqual([expect.stringContaining('coder'), 4]);
  });

  it('count by the names that the views of today count by', async () => {
    const views = new MemoryViewStore();
    const { past, add } = await setup(0, { views });
    for (let n = 0; n < 120; n += 1) await add(`agent-${n}`, `type-${n}`);
    const late = new Map([['all', new Map([['/agentsByType/type-119', 1n]])]]);
    await new CounterNames(views).admit(fleetOverview, late);
    const all = (await past.counters(fleetOverview, AT)).get('all');
    const names = [...(all?.keys() ?? [])].filter((path) => path.startsWith('/agentsByType/'));
    expect(names).toHaveLength(101);
    expect([all?.get('/agentsByType/type-119'), all?.get('/agentsByType/other')]).toEqual([1, 20]);
  });

  it('continue after their caller had to leave, and are there when the caller asks again', async () => {
    const { past } = await setup(400, { patienceMs: 0 }); // more than is folded while a timer waits for its turn
    await expect(past.views(status, AT)).rejects.toThrow(UnavailableError);
    const views = vi.fn(() => past.views(status, AT).catch(() => []));
    await expect.poll(async () => (await views()).length, { timeout: 60_000 }).toBe(400);
  });

  it('stop when their only caller has gone', async () => {
    const { past, read } = await setup(400);
    const gone = new AbortController();
    const asked = past.views(status, AT, gone.signal);
    gone.abort();
    await expect(asked).rejects.toThrow(UnavailableError);
    for (let turns = 0; turns < 1_000; turns += 1) await nextTurn();
    expect(read.mock.calls.length).toBeLessThan(3); // the whole log takes more
  });

  it('count what each view takes, whatever comes before it and after', async () => {
    const large = { text: 'x'.repeat(100_000) };
    const { past, add } = await setup(10, { maxBytes: 4_000_000 });
    for (let n = 0; n < 10; n++) await add(`large-${n}`, 'coder', large);
    for (let n = 0; n < 200; n++) await add(`small-${n}`);
    expect(await past.views(status, AT)).toHaveLength(220); // about 2 MB
    for (let n = 10; n < 30; n++) await add(`large-${n}`, 'coder', large);
    await expect(past.views(status, AT)).rejects.toThrow(PayloadTooLargeError);
  });

  it('are refused when they take more memory than there may be', async () => {
    const { past } = await setup(20, { maxBytes: 1_000 });
    await expect(past.views(status, AT)).rejects.toThrow(PayloadTooLargeError);
  });
});
