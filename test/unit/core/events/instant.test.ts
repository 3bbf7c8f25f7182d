import { describe, expect, it } from 'vitest';
import { firstMoment, instant, isoOf, lastMoment } from '../../../../core/events/instant.ts';
import { Selection } from '../../../../core/log/filter.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import { catalogue } from '../../../support/application.ts';

describe('an instant', () => {
  it.each([
    '2026-01-31T09:30:00Z',
    '2026-01-31T09:30:00.250123456Z',
    '2026-01-31T23:59:59+14:00',
    '2026-01-31T09:30:00-00:00',
    '0001-01-01T00:00:00Z',
    '0001-01-01T05:00:00+05:00',
    '9999-12-31T23:59:59.9999Z',
    '9999-12-31T18:59:59.999-05:00',
    '2024-02-29T00:00:00Z',
  ])('may be %s', (text) => {
    expect(instant.safeParse(text).success).toBe(true);
  });

  it.each([
    '9999-12-31T23:59:59-05:00',
    '9999-12-31T19:00:00-05:00',
    '0001-01-01T00:00:00+00:01',
    '0000-12-31T23:59:59Z',
    '+010000-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '2016-12-31T23:59:60Z',
    '2026-02-29T00:00:00Z',
    '2026-01-31t09:30:00z',
    '2026-01-31 09:30:00Z',
    '2026-01-31T09:30:00',
    '2026-01-31T09:30:00+24:00',
    '2026-01-31',
    '20260131T093000Z',
    '',
  ])('may not be %s', (text) => {
    expect(instant.safeParse(text).error?.issues[0]?.message).toMatch(/must be a time such as .* years 0001 to 9999/);
  });
});

describe('a range of instants', () => {
  const recorded = (recordedAt: string) =>
    ({
      stream: 'agent-1',
      version: 1,
      count: 1,
      commitId: 'c',
      keyed: false,
      types: [],
      body: new Uint8Array(),
      recordedAt,
    }) as Commit;

  it.each([
    ['2026-01-01T00:00:00.266Z', true, true],
    ['2026-01-01T00:00:00.266000Z', true, true],
    ['2026-01-01T00:00:00.2669Z', false, true],
    ['2026-01-01T00:00:00.266000001Z', false, true],
    ['2026-01-01T01:00:00.2659+01:00', true, false],
    ['2025-12-31T19:00:00.266-05:00', true, true],
  ])('is rounded inwards at %s', (text, from, to) => {
    const commit = recorded('2026-01-01T00:00:00.266Z');
    expect(new Selection({ from: text }, catalogue).wants(commit)).toBe(from);
    expect(new Selection({ to: text }, catalogue).wants(commit)).toBe(to);
  });

  it('is compared as time, whatever its years look like', () => {
    const [first, last] = ['0001-01-01T00:00:00.0005Z', '9999-12-31T23:59:59.9995Z'];
    expect(isoOf(firstMoment(first))).toBe('0001-01-01T00:00:00.001Z');
    expect(isoOf(lastMoment(last))).toBe('9999-12-31T23:59:59.999Z');
    expect(new Selection({ from: first, to: last }, catalogue).wants(recorded('2026-01-01T00:00:00.000Z'))).toBe(true);
    expect(new Selection({ from: last }, catalogue).wants(recorded('9999-12-31T23:59:59.999Z'))).toBe(false);
    expect(new Selection({ from: last }, catalogue).from).toBe('9999-12-31T23:59:59.999Z');
  });
});
