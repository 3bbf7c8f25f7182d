import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';
import { runAnnals } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { get, commits, url } = servedApi();
const folder = temporaryFolder();

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

  it('makes of each run the history of an agent, and of a second import nothing', async () => {
    const first = await run('agent-run', ...runs);
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('14 events written, 0 already there, 3 streams complete, 0 conflicts, 0 failed');
    const types = (await get('/streams/agent-run-a/events')).body.events.map(({ type }: { type: string }) => type);
    expect(types).toEqual([
      'agent.created',
      'agent.state-changed',
      ...Array.from({ length: 3 }, () => 'agent.step-recorded'),
      'agent.state-changed',
    ]);
    expect((await get('/agents/run-a?waitFor=6')).body).toMatchObject({
      agentType: 'swe',
      state: 'stopped',
      reason: 'submitted',
      steps: 3,
      durationMs: 750,
      usage: { tokensSent: 100, apiCalls: 3, costUsd: 0.5 },
      lastAction: 'submit',
    });
    expect((await get('/agents/run-b?waitFor=4')).body).toMatchObject({ state: 'failed', steps: 1 });
    expect((await get('/agents/bare?waitFor=4')).body).toMatchObject({ agentType: 'unknown', steps: 1 });

    const before = commits();
    const second = await run('agent-run', ...runs);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('0 events written, 14 already there, 3 streams complete');
    expect(commits()).toBe(before);
  });

  it('never mixes another recording of the same name with the first', async () => {
    const before = commits();
    const { code, stdout, stderr } = await run(
      'agent-run',
      write('run-a.traj', JSON.stringify(recorded('submitted', 'something else'))),
    );
    expect(code).toBe(1);
    expect(stdout).toContain('1 conflicts');
    expect(stderr).toContain('run-a.traj');
    expect(commits()).toBe(before);
  });

  it('takes a step that is larger than a commit, which the server keeps aside', async () => {
    const { code, stdout } = await run('agent-run', write('large.traj', JSON.stringify(recorded('x', noise(900_000)))));
    expect([code, stdout]).toEqual([0, expect.stringContaining('4 events written')]);
    expect((await get('/agents/large?waitFor=4')).body.steps).toBe(1);
  });

  it('names file and place of what is malformed, and imports the rest', async () => {
    const broken = {
      'cut.traj': ['{"trajectory": [\n  {"action": "x"},', /cut\.traj: line 2, column \d+: not JSON/],
      'empty.traj': ['', /empty\.traj: is empty/],
      'binary.traj': [Buffer.from([0xff, 0xfe, 0x00]), /binary\.traj: is not UTF-8/],
      'shape.traj': [JSON.stringify({ trajectory: [step('a'), { thought: 'no action' }] }), /trajectory\[1\]\.action/],
      'list.traj': ['[]', /list\.traj: the file: /],
      'deep.traj': [`{"trajectory":${'['.repeat(50_000)}`, /deep\.traj: /],
      'surrogate.traj': ['{"trajectory":[{"action":"\\ud800"}]}', /surrogate\.traj: trajectory\[0\]\.action/],
      'huge.traj': [JSON.stringify({ trajectory: [step('x'.repeat(5_500_000))] }), /huge\.traj: trajectory\[0\]: has/],
    } as const;
    const files = Object.entries(broken).map(([name, [content]]) => write(name, content as string));
    const good = write('good.traj', JSON.stringify(recorded('submitted', 'ls')));
    const { code, stdout, stderr } = await run('agent-run', ...files, join(folder, 'missing.traj'), folder, good);
    expect(code).toBe(1);
    for (const [, says] of Object.values(broken)) expect(stderr).toMatch(says);
    expect(stderr).toMatch(/missing\.traj: there is no such file/);
    expect(stderr).toMatch(/is a folder/);
    expect(stderr.trimEnd().split('\n')).toHaveLength(files.length + 2);
    expect(stdout).toContain(`1 streams complete, 0 conflicts, ${files.length + 2} failed`);
    expect((await get('/agents/good?waitFor=4')).body.state).toBe('stopped');
  });
});

describe('annals import process-log', () => {
  it('makes of each case the history of a workflow in order of time, and of a second import nothing', async () => {
    const files = [write('log.csv', `\uFEFF${log(...ROWS)}`), write('log.csv.gz', gzipSync(log(...ROWS)))];
    const first = await run('process-log', files[0] ?? '', '--type', 'permit');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('6 events written, 0 already there, 2 streams complete, 0 conflicts, 0 failed');
    const { events } = (await get('/streams/workflow-c1/events')).body;
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
    expect((await get('/workflows/c1?waitFor=4')).body).toMatchObject({
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

  it('names the line of a broken row, leaves its case out whole, and imports the other cases', async () => {
    const rows = [
      'd1,Desk,ok,t1,R,2011-10-11T10:00:00Z',
      'd1,Desk,bad time,t2,R,yesterday',
      'd2,Desk,ok,t1,R,2011-10-11T10:00:00Z',
      'd3,Desk,no offset,t1,R,2011-10-11 10:00:00',
      'd4,Desk,too,few',
      ',Desk,no case,t1,R,2011-10-11T10:00:00Z',
    ];
    const { code, stdout, stderr } = await run('process-log', write('broken.csv', log(...rows)));
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.csv: case d1: .*line 3, column time:timestamp: "yesterday"/);
    expect(stderr).toMatch(/broken\.csv: case d3: .*line 5.*no offset from UTC; --utc/);
    expect(stderr).toMatch(/broken\.csv: line 6: has 4 cells, the header has 6/);
    expect(stderr).toMatch(/broken\.csv: line 7, column case:concept:name: is empty/);
    expect(stdout).toContain('1 streams complete');
    expect((await get('/workflows/d2?waitFor=2')).body.steps).toBe(1);
    expect((await get('/workflows/d1')).status).toBe(404);
  });

  it('refuses a file that cannot be read as a whole, and imports nothing of it', async () => {
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
  it('says what to do when no server answers', async () => {
    const file = write('lonely.csv', log(...ROWS));
    const { code, stderr } = await runAnnals(['import', 'process-log', file, '--url', 'http://127.0.0.1:9']).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no server answers at http:\/\/127\.0\.0\.1:9: start one with `npm start`/);
  });
});
