import { describe, expect, it } from 'vitest';
import { DatabaseSync } from '../../../core/base/sqlite.ts';
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
  const part = (caseType?: string, content: string | Uint8Array = JSON.stringify(ocel)) =>
    ocelPart(sourceFile('/d/log.json', content), names, { caseType });

  const xml = `<?xml version='1.0' encoding='UTF-8'?>
<log>
  <object-types><object-type name="order"><attributes><attribute name="total" type="integer"/></attributes></object-type></object-types>
  <event-types><event-type name="pay"/></event-types>
  <events>
    <event id="e2" type="ship" time="2026-11-03T10:00:00Z">
      <objects><relationship object-id="o1" qualifier="of"/><relobj object-id="o2"/></objects>
    </event>
    <event id="e1" type="pay" time="2026-11-03T09:00:00Z">
      <attributes><attribute name="sum">7</attribute><attribute name="by"><![CDATA[a & b]]> &lt;c&gt;</attribute></attributes>
      <objects><object object-id="o1" qualifier="of"/></objects>
    </event>
    <event id="e3" type="audit" time="2026-11-03T11:00:00Z"><objects><relationship object-id="i1"/></objects></event>
    <event id="e4" type="broken" time="yesterday"/>
  </events>
  <objects>
    <object id="o1" type="order"><attributes><attribute name="total" time="1970-01-01T00:00:00Z">9</attribute></attributes></object>
    <object id="o2" type="order"/>
    <object id="i1" type="item"><objects><relationship object-id="o1"/></objects></object>
  </objects>
</log>`;

  it('as XML have a workflow for each object of a type, its events in order', async () => {
    const told = await readParts([part('order', xml)]);
    expect(dataOf(told, 'workflow.started').map(({ workflowId, parameters }) => [workflowId, parameters])).toEqual([
      ['log:o1', { total: '9' }],
      ['log:o2', {}],
    ]);
    const steps = dataOf(told, 'workflow.step-completed');
    expect(steps.map(({ workflowId, stepId }) => [workflowId, stepId])).toEqual([
      ['log:o1', 'e1'],
      ['log:o1', 'e2'],
      ['log:o2', 'e2'],
    ]);
    expect(steps[0].output).toEqual({ sum: '7', by: 'a & b <c>', objects: [{ objectId: 'o1', qualifier: 'of' }] });
    expect(told.counts).toEqual({ 'events without an object of type order, left out': 1 });
    expect(told.problems).toEqual([expect.stringMatching(/^line 14: "yesterday" is no time/)]);
    await expect(readParts([part('order', xml.slice(0, -20))])).rejects.toThrow('ends in the middle');
  });

  it('as SQLite have a workflow for each object of a type, its events in order', async () => {
    const told = await readParts([part('order', database())]);
    expect(dataOf(told, 'workflow.started').map(({ workflowId, parameters }) => [workflowId, parameters])).toEqual([
      [
        'log:o1',
        {
          total: [
            { name: 'total', time: '1970-01-01 00:00:00', value: 9 },
            { name: 'total', time: '2026-11-03 09:30:00', value: '9007199254740993' },
          ],
        },
      ],
      ['log:o2', {}],
    ]);
    const steps = dataOf(told, 'workflow.step-completed');
    expect(steps.map(({ workflowId, stepId, output }) => [workflowId, stepId, output.sum])).toEqual([
      ['log:o1', 'e1', 7.5],
      ['log:o1', 'e2', undefined],
      ['log:o2', 'e2', undefined],
    ]);
    expect(told.counts).toMatchObject({ 'events without an object of type order, left out': 1 });
    expect(told.problems).toEqual(['event e4: has no id, type or time, so it was left out']);
    const other = new DatabaseSync(':memory:');
    other.exec('CREATE TABLE notes (text TEXT)');
    await expect(readParts([part('order', other.serialize())])).rejects.toThrow('is a database, but no OCEL 2.0 log');
  });

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

function database(): Uint8Array {
  const made = new DatabaseSync(':memory:');
  made.exec(`
    CREATE TABLE event (ocel_id TEXT, ocel_type TEXT);
    CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);
    CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);
    CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);
    CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);
    CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);
    CREATE TABLE "event_Pay""now" (ocel_id TEXT, ocel_time TIMESTAMP, sum REAL);
    CREATE TABLE event_Ship (ocel_id TEXT, ocel_time TIMESTAMP);
    CREATE TABLE object_Order (ocel_id TEXT, ocel_time TIMESTAMP, ocel_changed_field TEXT, total INTEGER);
    CREATE TABLE object_Item (ocel_id TEXT, ocel_time TIMESTAMP, ocel_changed_field TEXT);
    INSERT INTO event_map_type VALUES ('pay', 'Pay"now'), ('ship', 'Ship'), ('audit', 'Ship'), ('broken', 'Ship');
    INSERT INTO object_map_type VALUES ('order', 'Order'), ('item', 'Item');
    INSERT INTO object VALUES ('o1', 'order'), ('o2', 'order'), ('i1', 'item');
    INSERT INTO object_Order VALUES ('o1', '1970-01-01 00:00:00', NULL, 9), ('o2', '1970-01-01 00:00:00', NULL, NULL),
      ('o1', '2026-11-03 09:30:00', 'total', 9007199254740993);
    INSERT INTO event VALUES ('e2', 'ship'), ('e1', 'pay'), ('e3', 'audit'), ('e4', 'broken');
    INSERT INTO "event_Pay""now" VALUES ('e1', '2026-11-03 09:00:00', 7.5);
    INSERT INTO event_Ship VALUES ('e2', '2026-11-03 10:00:00'), ('e3', '2026-11-03 11:00:00');
    INSERT INTO event_object VALUES ('e1', 'o1', 'of'), ('e2', 'o1', 'of'), ('e2', 'o2', NULL), ('e3', 'i1', 'of');
    INSERT INTO object_object VALUES ('i1', 'o1', 'part of');
  `);
  try {
    return made.serialize();
  } finally {
    made.close();
  }
}

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
