import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';
import { runAnnals } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { get, commits, url } = servedApi();
const folder = temporaryFolder();
/** The id of the agent of a file: its folder and its name. */
const agent = (name: string) => `${basename(folder)}:${name}`;
const stream = (name: string) => `/streams/agent-${agent(name)}/events`;

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** `annals import …` against the served API. */
const run = (...args: string[]) => runAnnals(['import', ...args, '--url', url()]).finished;

const step = (action: string) => ({ thought: 'hm', action, observation: 'ok', execution_time: 0.25, state: '{}' });
const recorded = (exit_status: string | null, ...actions: string[]) => ({
  environment: 'swe',
  trajectory: actions.map(step),
  history: [],
  info: { exit_status, model_stats: { tokens_sent: 100, api_calls: actions.length, instance_cost: 0.5 } },
});

const HEADER = 'case:concept:name,case:channel,concept:name,concept:instance,org:resource,time:timestamp';
const ROWS = [
  'c1,Desk,second,t2,Res2,2011-10-12 08:26:25.398000+02:00',
  'c2,Internet,only,t9,Res1,2011-10-11T10:00:00Z',
  'c1,Desk,first,t1,Res1,2011-10-11 13:45:40.276000+02:00',
  'c1,Desk,third,t3,Res1,2011-11-24 15:36:51.302000+01:00',
];
const log = (...rows: string[]) => `${[HEADER, ...rows].join('\n')}\n`;

describe('annals import agent-run', () => {
  let runs: string[];
  beforeAll(() => {
    runs = [
      write('run-a.traj', JSON.stringify(recorded('submitted', 'ls', 'edit', 'submit'))),
      write('run-b.traj', JSON.stringify(recorded(null, 'ls'))),
      write('bare.traj', JSON.stringify({ trajectory: [{ action: 'look' }] })),
    ];
  });

  it('imports each run as the history of an agent, and adds nothing at a second import', async () => {
    const first = await run('agent-run', ...runs);
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('12 events written, 0 already there, 3 streams complete, 0 conflicts, 0 failed');
    const types = (await get(stream('run-a'))).body.events.map(({ type }: { type: string }) => type);
    expect(types).toEqual([
      'agent.created',
      'agent.state-changed',
      ...Array.from({ length: 3 }, () => 'agent.step-recorded'),
      'agent.state-changed',
    ]);
    expect((await get(`/agents/${agent('run-a')}?waitFor=6`)).body).toMatchObject({
      agentType: 'swe',
      state: 'stopped',
      reason: 'submitted',
      steps: 3,
      durationMs: 750,
      usage: { inputTokens: 100, apiCalls: 3, costUsd: 0.5 },
      lastAction: 'submit',
    });
    expect((await get(`/agents/${agent('run-b')}?waitFor=3`)).body).toMatchObject({ state: 'running', steps: 1 });
    expect((await get(`/agents/${agent('bare')}?waitFor=3`)).body).toMatchObject({ agentType: 'unknown', steps: 1 });

    const before = commits();
    const second = await run('agent-run', ...runs);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('0 events written, 12 already there, 3 streams complete');
    expect(commits()).toBe(before);
  });

  it('refuses another recording under the same name, and names the first difference', async () => {
    const before = commits();
    const other = write('run-a.traj', JSON.stringify(recorded('submitted', 'ls', 'something else')));
    const { code, stdout, stderr } = await run('agent-run', other);
    expect([code, stdout]).toEqual([1, expect.stringContaining('1 failed')]);
    expect(stderr).toMatch(
      /run-a\.traj: agent .*:run-a exists with another history: trajectory\[1\] differs.*--id or --prefix/,
    );
    expect(commits()).toBe(before);
    expect((await run('agent-run', other, '--id', 'another-a')).code).toBe(0);
    expect((await get('/agents/another-a?waitFor=5')).body).toMatchObject({ steps: 2 });
  });

  it('continues a run that has grown', async () => {
    expect((await run('agent-run', write('grows.traj', JSON.stringify(recorded(null, 'ls'))))).code).toBe(0);
    const longer = { ...recorded('submitted', 'ls', 'edit'), trajectory: [step('ls'), step('edit')] };
    longer.info.model_stats.tokens_sent = 150;
    const { code, stdout } = await run('agent-run', write('grows.traj', JSON.stringify(longer)));
    expect([code, stdout]).toEqual([0, expect.stringContaining('2 events written, 3 already there')]);
    const { body } = await get(`/agents/${agent('grows')}?waitFor=5`);
    expect(body).toMatchObject({ state: 'stopped', reason: 'submitted', steps: 2 });
    const usage = (await get(stream('grows'))).body.events.flatMap(
      ({ data }: { data: { usage?: Record<string, number> } }) => Object.values(data.usage ?? {}),
    );
    expect(usage.reduce((sum: number, used: number) => sum + used, 0)).toBeCloseTo(150 + 2 + 0.5);
  });

  it('reads a gzipped run as the same run, and refuses a truncated run', async () => {
    const content = JSON.stringify(recorded('submitted', 'ls'));
    expect((await run('agent-run', write('packed.traj.gz', gzipSync(content)))).code).toBe(0);
    const again = await run('agent-run', write('packed.traj', content));
    expect(again.stdout).toContain('0 events written, 4 already there');
    const both = await run('agent-run', join(folder, 'packed.traj'), join(folder, 'packed.traj.gz'));
    expect(both.stdout).toContain('2 streams complete');
    const before = commits();
    const cut = await run('agent-run', write('cut.traj.gz', gzipSync(content).subarray(0, -12)));
    expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/cut\.traj\.gz: .*truncated/)]);
    expect(commits()).toBe(before);
  });

  it('separates runs with the same name in several folders', async () => {
    for (const name of ['one', 'two']) mkdirSync(join(folder, name));
    const files = ['one/fix-1.traj', 'two/fix-1.traj'].map((name) =>
      write(name, JSON.stringify(recorded('submitted', name))),
    );
    const { code, stdout } = await run('agent-run', ...files);
    expect([code, stdout]).toEqual([0, expect.stringContaining('2 streams complete')]);
    expect((await get('/agents/one:fix-1?waitFor=4')).body.lastAction).toBe('one/fix-1.traj');
    expect((await get('/agents/two:fix-1?waitFor=4')).body.lastAction).toBe('two/fix-1.traj');
    expect((await run('agent-run', files[0] ?? '', '--prefix', 'again-')).stdout).toContain('4 events written');
  });

  it('refuses a file before it sends any event', async () => {
    const before = commits();
    const bad = [
      write('status.traj', '{"trajectory":[{"action":"ls"}],"info":{"exit_status":"bad byte \\udce9"}}'),
      write('tokens.traj', '{"trajectory":[{"action":"ls"}],"info":{"model_stats":{"tokens_sent":10000000000000000}}}'),
      write('time.traj', '{"trajectory":[{"action":"ls","execution_time":1e300}]}'),
    ];
    const { code, stderr } = await run('agent-run', ...bad);
    expect(code).toBe(1);
    expect(stderr).toMatch(/status\.traj: info\.exit_status.*surrogate/);
    expect(stderr).toMatch(/tokens\.traj: info\.model_stats/);
    expect(stderr).toMatch(/time\.traj: trajectory\[0\]/);
    expect(commits()).toBe(before);
    const mended = write('status.traj', '{"trajectory":[{"action":"ls"}],"info":{"exit_status":"good"}}');
    expect((await run('agent-run', mended)).code).toBe(0);
  });

  it('adds a result step with the cost of a run without steps, or with the patch of a run', async () => {
    const costly = write('costly.traj', JSON.stringify(recorded('exit_cost')));
    const patch = { ...recorded('submitted', 'ls'), info: { exit_status: 'submitted', submission: 'diff --git a b' } };
    const { code } = await run('agent-run', costly, write('patch.traj', JSON.stringify(patch)));
    expect(code).toBe(0);
    const { body } = await get(stream('costly'));
    expect(body.events[2].data).toMatchObject({ action: 'result', observation: 'exit_cost' });
    expect(Object.values(body.events[2].data.usage)).toEqual(expect.arrayContaining([100, 0.5]));
    const { events } = (await get(stream('patch'))).body;
    expect(events.at(-2).data).toMatchObject({ action: 'result', observation: 'diff --git a b' });
  });

  it('reports its progress when it is interrupted, and continues at the next import', async () => {
    const many = Array.from({ length: 40 }, (_, n) =>
      write(`many-${n}.traj`, JSON.stringify(recorded('submitted', ...Array.from({ length: 40 }, (_, m) => `${m}`)))),
    );
    const { child, finished } = runAnnals(['import', 'agent-run', ...many, '--concurrency', '1', '--url', url()]);
    await expect.poll(async () => (await get(`/agents/${agent('many-0')}`)).status, { timeout: 60_000 }).toBe(200);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await finished;
    expect([code, stderr]).toEqual([130, expect.stringContaining('interrupted: run it again')]);
    expect(stdout).toMatch(/events written.*unfinished/);
    expect((await run('agent-run', ...many)).stdout).toContain('40 streams complete, 0 conflicts, 0 failed');
  });

  it('imports a large step, whose body the server stores as an object', async () => {
    const { code, stdout } = await run('agent-run', write('large.traj', JSON.stringify(recorded('x', noise(900_000)))));
    expect([code, stdout]).toEqual([0, expect.stringContaining('4 events written')]);
    expect((await get(`/agents/${agent('large')}?waitFor=4`)).body.steps).toBe(1);
  });

  it('names the file and place of malformed data, and imports the rest', async () => {
    const broken = {
      'cut.traj': ['{"trajectory": [\n  {"action": "x"},', /cut\.traj: line 2, column \d+: not JSON/],
      'empty.traj': ['', /empty\.traj: is empty/],
      'binary.traj': [Buffer.from([0xff, 0xfe, 0x00]), /binary\.traj: is not UTF-8/],
      'shape.traj': [JSON.stringify({ trajectory: [step('a'), { thought: 'no action' }] }), /trajectory\[1\]\.action/],
      'list.traj': ['[]', /list\.traj: /],
      'deep.traj': [`{"trajectory":${'['.repeat(50_000)}`, /deep\.traj: /],
      'surrogate.traj': ['{"trajectory":[{"action":"\\ud800"}]}', /surrogate\.traj: trajectory\[0\]\.action/],
      'huge.traj': [JSON.stringify({ trajectory: [step('x'.repeat(5_500_000))] }), /huge\.traj: trajectory\[0\]: has/],
    } as const;
    const files = Object.entries(broken).map(([name, [content]]) => write(name, content as string));
    const good = write('good.traj', JSON.stringify(recorded('submitted', 'ls')));
    const { code, stdout, stderr } = await run('agent-run', ...files, join(folder, 'missing.traj'), good);
    expect(code).toBe(1);
    for (const [, says] of Object.values(broken)) expect(stderr).toMatch(says);
    expect(stderr).toMatch(/missing\.traj: there is no such file/);
    // On a busy machine there are lines of progress between them.
    const lines = stderr.trimEnd().split('\n');
    expect(lines.filter((line) => !/^\d+\/\d+ files/.test(line))).toHaveLength(files.length + 1);
    expect(stdout).toContain(`1 streams complete, 0 conflicts, ${files.length + 1} failed`);
    expect((await get(`/agents/${agent('good')}?waitFor=4`)).body.state).toBe('stopped');
  });
});

describe('annals import process-log', () => {
  it('accepts all line endings', async () => {
    const [header, ...rows] = [
      HEADER,
      'crlf,Desk,a,t1,ann,2024-01-05T10:00:00Z',
      'crlf,Desk,b,t2,bob,2024-01-05T11:00:00Z',
    ];
    const mixed = write('mixed.csv', `${header}\n${rows[0]}\r\n${rows[1]}\r\n`);
    expect((await run('process-log', mixed)).code).toBe(0);
    const { events } = (await get(`/streams/workflow-${agent('mixed:crlf')}/events`)).body;
    expect(events[0].data.initiatedBy).toBe('ann');
    expect(events[2].data.output.resource).toBe('bob');
    expect(JSON.stringify(events)).not.toContain('\\r');
  });

  it('imports each case as the history of a workflow in order of time, and adds nothing at a second import', async () => {
    const files = [write('log.csv', `\uFEFF${log(...ROWS)}`), write('log.csv.gz', gzipSync(log(...ROWS)))];
    const first = await run('process-log', files[0] ?? '', '--type', 'permit');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('6 events written, 0 already there, 2 streams complete, 0 conflicts, 0 failed');
    const { events } = (await get(`/streams/workflow-${agent('log:c1')}/events`)).body;
    expect(events.map(({ timestamp }: { timestamp: string }) => timestamp)).toEqual([
      '2011-10-11T11:45:40.276Z',
      '2011-10-11T11:45:40.276Z',
      '2011-10-12T06:26:25.398Z',
      '2011-11-24T14:36:51.302Z',
    ]);
    expect(events.slice(1).map(({ data }: { data: { stepType: string } }) => data.stepType)).toEqual([
      'first',
      'second',
      'third',
    ]);
    expect((await get(`/workflows/${agent('log:c1')}?waitFor=4`)).body).toMatchObject({
      workflowType: 'permit',
      state: 'completed',
      initiatedBy: 'Res1',
      parameters: { channel: 'Desk' },
      steps: 3,
      createdAt: '2011-10-11T11:45:40.276Z',
      lastUpdated: '2011-11-24T14:36:51.302Z',
    });
    const before = commits();
    const packed = await run('process-log', files[1] ?? '', '--type', 'permit');
    expect([packed.code, packed.stderr]).toEqual([0, '']);
    expect(packed.stdout).toContain('0 events written, 6 already there');
    expect(commits()).toBe(before);
  });

  it('separates steps with instance numbers from repeats, and accepts a long row', async () => {
    const instances = ['i', 'i', 'i~2', 'i', 'i~2'];
    const rows = instances.map((instance, n) => `steps,Desk,a,${instance},R,2024-01-05T10:00:0${n}Z`);
    const long = `steps,Desk,a,last,R${'r'.repeat(1_500_000)},2024-01-05T11:00:00Z`;
    const { code, stdout, stderr } = await run('process-log', write('instances.csv', log(...rows, long)));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('7 events written');
    const { events } = (await get(`/streams/workflow-${agent('instances:steps')}/events?from=2&to=6`)).body;
    const steps = events.map(({ data }: { data: { stepId: string } }) => data.stepId);
    expect(steps).toEqual(['i', 'i~2', 'i~2~2', 'i~3', 'i~2~3']);
  });

  it('leaves the case of a malformed row out, names the line, and imports the other cases', async () => {
    const good = Array.from({ length: 50 }, (_, n) => `d${n},Desk,ok,t1,R,2011-10-11T10:00:00Z`);
    for (const [row, says] of [
      ['d60,Desk,bad time,t2,R,yesterday', /broken\.csv: line 52, column time:timestamp: "yesterday"/],
      ['d62,Desk,too,few', /broken\.csv: line 52: has 4 cells, the header has 6/],
      [',Desk,no case,t1,R,2011-10-11T10:00:00Z', /broken\.csv: line 52, column case:concept:name: is empty/],
    ] as const) {
      const whole = row.replace(/,[^,]*,/, ',Desk,').split(',')[0];
      const file = write('broken.csv', log(...good, row, `${whole},Desk,ok,t7,R,2011-10-11T10:00:00Z`));
      const { code, stderr, stdout } = await run('process-log', file);
      expect(code).toBe(1);
      expect(stderr).toMatch(says);
      expect(stdout).toMatch(/50 streams complete, 0 conflicts, [12] failed/);
    }
    const mended = write('broken.csv', log(...good, 'd60,Desk,ok,t2,R,2011-10-11T10:00:00Z'));
    expect((await run('process-log', mended)).stdout).toContain('2 events written, 100 already there, 51 streams');
  });

  it('refuses an unreadable file, and imports nothing of it', async () => {
    const before = commits();
    const whole = gzipSync(log(...ROWS));
    for (const [name, content, says] of [
      ['cut.csv.gz', whole.subarray(0, whole.length - 12), /cut\.csv\.gz: .*truncated/],
      ['rubbish.csv.gz', Buffer.concat([whole.subarray(0, 20), Buffer.from('rubbish')]), /rubbish\.csv\.gz: /],
      ['quote.csv', log('q1,"Desk,ok,t1,R,2011-10-11T10:00:00Z'), /quote\.csv: line 2: a quote is never closed/],
      ['columns.csv', 'a,b,c\n1,2,3\n', /columns\.csv: line 1: the header lacks case:concept:name/],
      ['header.csv', `${HEADER}\n`, /header\.csv: has a header but no rows/],
      ['empty.csv', '', /empty\.csv: is empty/],
      [
        'latin1.csv',
        Buffer.from(log('l1,Bür\xf6,x,t,R,2011-10-11T10:00:00Z'), 'latin1'),
        /latin1\.csv: line 2: is not UTF-8/,
      ],
    ] as const) {
      const { code, stderr } = await run('process-log', write(name, content as string));
      expect([name, code]).toEqual([name, 1]);
      expect(stderr).toMatch(says);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
    expect(commits()).toBe(before);
  });
});

describe('annals import', () => {
  it('fails with a remedy when no server answers', async () => {
    const file = write('lonely.csv', log(...ROWS));
    const { code, stderr } = await runAnnals(['import', 'process-log', file, '--url', 'http://127.0.0.1:9']).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no server answers at http:\/\/127\.0\.0\.1:9: start one with `npm start`/);
  });
});
