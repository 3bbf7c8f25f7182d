import { describe, expect, it } from 'vitest';
import { csvPart, XES_COLUMNS } from '../../../sources/process-logs/csv.ts';
import { ocelPart } from '../../../sources/process-logs/ocel.ts';
import { xesPart } from '../../../sources/process-logs/xes.ts';
import { dataOf, readParts, sourceFile } from '../../support/source-files.ts';

const names = { prefix: 'log:', workflowType: 'order', file: 'log' };

function event(activity: string, minute: number, transition?: string, more = ''): string {
  const time = `2026-11-03T10:${String(minute).padStart(2, '0')}:00+01:00`;
  const lifecycle = transition === undefined ? '' : `<string key="lifecycle:transition" value="${transition}"/>`;
  return `<event><string value="${activity}" key="concept:name"/>${lifecycle}<date key="time:timestamp" value="${time}"/>${more}</event>`;
}
const trace = (name: string, ...events: string[]) =>
  `<trace><string key="concept:name" value="${name}"/><int key="total" value="7"><string key="currency" value="EUR"/></int>${events.join('\n')}</trace>`;
const log = (...traces: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="2.0" xmlns="http://www.xes-standard.org/"><global scope="event"><string key="concept:name" value="x"/></global>\n${traces.join('\n')}\n</log>`;

describe('logs in XES', () => {
  it('have a step for each activity that is complete, and run while an activity is open', async () => {
    const text = log(
      trace(
        'order 7',
        event('check', 0, 'start', '<string key="org:resource" value="ann"/>'),
        event(
          'check',
          5,
          'COMPLETE',
          '<string key="org:resource" value="ann"/><list key="tags"><values><string key="t" value="a&amp;b"/></values></list>',
        ),
        event('pay', 6, 'schedule'),
        event('pay', 7, 'start'),
        event('pay', 8, 'suspend'),
      ),
      trace('8', event('check', 0), event('ship', 1, 'autoskip')),
      trace('8', event('check', 2)),
      trace('9', event('check', 3, 'start')),
      trace('10'),
    );
    const told = await readParts([xesPart(sourceFile('/d/log.xes', text), names)]);
    expect(told.problems).toEqual([]);
    expect(dataOf(told, 'workflow.started').map(({ workflowId }) => workflowId.replace(/~[0-9a-f]{10}$/, ''))).toEqual([
      'log:order-7',
      'log:8',
      'log:8~2',
      'log:9',
    ]);
    expect(dataOf(told, 'workflow.started')[0]).toMatchObject({
      initiatedBy: 'ann',
      workflowType: 'order',
      parameters: { total: { value: 7, currency: 'EUR' } },
    });
    const steps = dataOf(told, 'workflow.step-completed');
    expect(steps.map(({ stepType, nextStep }) => [stepType, nextStep])).toEqual([
      ['check', 'pay'],
      ['check', 'ship'],
      ['ship', undefined],
      ['check', undefined],
    ]);
    expect(steps[0].output).toMatchObject({
      startedAt: '2026-11-03T09:00:00.000Z',
      resource: 'ann',
      tags: [{ t: 'a&b' }],
    });
    expect(told.counts).toEqual({ 'cases without an event, left out': 1 });
  });

  it('that are broken are refused with the line', async () => {
    const told = readParts([xesPart(sourceFile('/d/log.xes', log(trace('1', event('a', 0))).slice(0, -30)), names)]);
    await expect(told).rejects.toMatchObject({
      name: 'SourceFault',
      message: expect.stringContaining('ends in the middle'),
    });
  });
});

describe('logs in OCEL', () => {
  const ocel = {
    objectTypes: [{ name: 'order', attributes: [] }],
    eventTypes: [{ name: 'pay', attributes: [] }],
    events: [
      {
        id: 'e2',
        type: 'ship',
        time: '2026-11-03T10:00:00Z',
        relationships: [{ objectId: 'o1', qualifier: 'of' }, { objectId: 'o2' }],
      },
      {
        id: 'e1',
        type: 'pay',
        time: '2026-11-03T09:00:00Z',
        attributes: [{ name: 'sum', value: '7' }],
        relationships: [{ objectId: 'o1', qualifier: 'of' }],
      },
      { id: 'e3', type: 'audit', time: '2026-11-03T11:00:00Z', relationships: [{ objectId: 'i1' }] },
      { id: 'e4', type: 'broken', time: 'yesterday' },
    ],
    objects: [
      { id: 'o1', type: 'order', attributes: [{ name: 'total', value: 9, time: '1970-01-01T00:00:00Z' }] },
      { id: 'o2', type: 'order' },
      { id: 'i1', type: 'item' },
    ],
  };
  const part = (caseType?: string) => ocelPart(sourceFile('/d/log.json', JSON.stringify(ocel)), names, { caseType });

  it('have a workflow for each object of a type, its events in order', async () => {
    const told = await readParts([part('order')]);
    expect(dataOf(told, 'workflow.started').map(({ workflowId, parameters }) => [workflowId, parameters])).toEqual([
      ['log:o1', { total: 9 }],
      ['log:o2', {}],
    ]);
    const steps = dataOf(told, 'workflow.step-completed');
    expect(steps.map(({ workflowId, stepId, stepType }) => [workflowId, stepId, stepType])).toEqual([
      ['log:o1', 'e1', 'pay'],
      ['log:o1', 'e2', 'ship'],
      ['log:o2', 'e2', 'ship'],
    ]);
    expect(told.counts).toEqual({ 'events without an object of type order, left out': 1 });
    expect(told.problems).toEqual([expect.stringMatching(/^events\[3\]: "yesterday" is no time/)]);
  });

  it('ask for the type that is a case', async () => {
    await expect(readParts([part()])).rejects.toThrow('--case-type; it has order, item');
  });
});

describe('logs as CSV', () => {
  it('have the columns that a map names, semicolons, and times without a zone', async () => {
    const text =
      'CaseID;Activity;Timestamp;Who\n2;b;2011/10/01 09:30;ann\n1;a;2011/10/01 08:45:12;bob\n2;a;2011-10-01 08:00;bob\n';
    const columns = { ...XES_COLUMNS, case: 'CaseID', activity: 'Activity', time: 'Timestamp', resource: 'Who' };
    const told = await readParts([csvPart(sourceFile('/d/log.csv', text), names, columns)]);
    expect(dataOf(told, 'workflow.step-completed').map(({ workflowId, stepType }) => [workflowId, stepType])).toEqual([
      ['log:1', 'a'],
      ['log:2', 'a'],
      ['log:2', 'b'],
    ]);
    expect(told.events[0]?.event.timestamp).toBe('2011-10-01T08:45:12.000Z');
    expect(told.counts).toEqual({ 'times without an offset, taken as UTC': 3 });
  });
});
