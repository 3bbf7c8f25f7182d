import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../../core/events/catalogue.ts';
import { findJsonFault, MAX_JSON_DEPTH } from '../../../core/events/json.ts';
import { upcast } from '../../../core/store/upcast.ts';
import { definitions } from '../../../events/catalogue.ts';
import { catalogue, newEventSchema, recordedEventSchema } from '../../support/application.ts';

const samples = new URL('../../../events/samples/', import.meta.url);
const sample = (name: string) => JSON.parse(readFileSync(new URL(name, samples), 'utf8'));

describe('the catalogue', () => {
  it('declares each type once', () => {
    expect(new Set(definitions.map((definition) => definition.type)).size).toBe(definitions.length);
  });

  it('has every type of the specification and of the API', () => {
    const named = [
      ...['agent.created', 'agent.state-changed', 'agent.step-recorded', 'task.requested', 'task.completed'],
      ...['task.failed', 'workflow.started', 'workflow.step-completed', 'multi-agent-task.completed'],
      ...['external-service.response', 'system.resource-alert'],
    ];
    expect(definitions.map((definition) => definition.type)).toEqual(expect.arrayContaining(named));
  });

  it.each(definitions)('has a valid sample of every version of $type', ({ type, version }) => {
    for (let v = 1; v <= version; v++) expect(sample(`${type}.v${v}.json`)).toMatchObject({ type, version: v });
    const current = sample(`${type}.v${version}.json`);
    expect(recordedEventSchema.parse(current)).toEqual(current);
    expect(current.aggregateType).toBe(catalogue.definitionOf(type)?.aggregateType);
  });

  it.each(definitions)('upcasts every version of $type to the current version', ({ type, version }) => {
    for (let v = 1; v <= version; v++) {
      const old = sample(`${type}.v${v}.json`);
      const event = upcast(old, { stream: 's', sequenceNumber: 1 }, catalogue);
      expect(recordedEventSchema.parse(event)).toEqual(event);
      expect({ ...event, version: v, data: old.data }).toEqual(old);
    }
  });

  it('upcasts version 1 of agent.created as specified', () => {
    const { data } = sample('agent.created.v1.json');
    expect(upcast(sample('agent.created.v1.json'), { stream: 's', sequenceNumber: 1 }, catalogue)).toMatchObject({
      version: 2,
      data: { ...data, metadata: { migrated: true, originalVersion: 1 } },
    });
  });

  it('has one stored name for each type while no type is retired', () => {
    for (const { type } of definitions) expect([...catalogue.retired.storedTypesOf([type])]).toEqual([type]);
  });

  it('refuses a type that is declared twice', () => {
    const [first] = definitions;
    expect(() => catalogueOf([...definitions, { ...first }])).toThrow('event type agent.created is declared twice');
  });

  it('has no sample of an undeclared type or version', () => {
    for (const file of readdirSync(samples)) {
      const [, type = '', version] = /^(.+)\.v(\d+)\.json$/.exec(file) ?? [];
      expect(catalogue.definitionOf(type)?.version, file).toBeGreaterThanOrEqual(Number(version));
    }
  });

  it.each(definitions)('refuses unknown and missing members in $type', ({ type, version, kind }) => {
    const { data, severity, category } = sample(`${type}.v${version}.json`);
    const event = { type, data, ...(kind === 'system' ? { severity, category } : {}) };
    expect(newEventSchema.safeParse(event).success).toBe(true);
    expect(newEventSchema.safeParse({ ...event, extra: 1 }).success).toBe(false);
    expect(newEventSchema.safeParse({ ...event, data: { ...data, extra: 1 } }).success).toBe(false);
    expect(newEventSchema.safeParse({ ...event, data: {} }).success).toBe(false);
  });

  it('requires severity and category for system events, and refuses them for other events', () => {
    const { data } = sample('system.resource-alert.v1.json');
    expect(newEventSchema.safeParse({ type: 'system.resource-alert', data }).success).toBe(false);
    const agent = sample('agent.created.v1.json');
    const event = { type: agent.type, data: agent.data, severity: 'INFO' };
    expect(newEventSchema.safeParse(event).success).toBe(false);
  });
});

describe('findJsonFault', () => {
  const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

  it('finds values that cannot be stored and read back', () => {
    expect(findJsonFault({ a: [1, 'x', null, { b: '🦊' }] })).toBeUndefined();
    expect(findJsonFault({ a: ['ok', 'bad \ud800'] })).toMatchObject({ path: ['a', 1] });
    expect(findJsonFault({ ['k\udc00']: 1 })).toMatchObject({ path: [] });
    expect(findJsonFault(JSON.parse('{"a":{"__proto__":1}}'))).toMatchObject({ path: ['a', '__proto__'] });
  });

  it('allows 32 levels, and refuses 33 and 100,000 levels', () => {
    expect(findJsonFault(nested(MAX_JSON_DEPTH))).toBeUndefined();
    expect(findJsonFault(nested(MAX_JSON_DEPTH + 1))?.message).toMatch(/deeper/);
    expect(findJsonFault(nested(100_000))?.message).toMatch(/deeper/);
  });
});
