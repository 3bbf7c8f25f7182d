import { describe, expect, it } from 'vitest';
import { nextRun, runsBetween } from '../../../../core/schedules/cron.ts';

/** The next instants of an expression, without milliseconds. */
function runs(cron: string, zone: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (let at = nextRun({ cron, zone }, after); at && found.length < count; at = nextRun({ cron, zone }, at)) {
    found.push(at.replace(':00.000Z', ''));
  }
  return found;
}

describe('when clocks go forward', () => {
  it('a time that is left out is due right after the gap', () => {
    const spring = runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2);
    expect(spring).toEqual(['2026-03-29T01:00', '2026-03-30T00:30']);
    expect(runs('30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 2)).toEqual([
      ...['2026-03-08T07:00', '2026-03-09T06:30'],
    ]);
    expect(runs('0 0 * * *', 'America/Santiago', '2026-09-05T12:00:00Z', 2)).toEqual([
      ...['2026-09-06T04:00', '2026-09-07T03:00'],
    ]);
    expect(runs('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T20:00:00Z', 2)).toEqual([
      ...['2026-10-03T15:30', '2026-10-04T15:15'],
    ]);
  });

  it('an hourly time comes each hour', () => {
    expect(runs('15 * * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', 3)).toEqual([
      ...['2026-03-29T00:15', '2026-03-29T01:15', '2026-03-29T02:15'],
    ]);
  });
});

describe('when clocks go back', () => {
  it('a time that comes twice is due the first time', () => {
    const autumn = runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2);
    expect(autumn).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
    expect(runs('45 1 * * *', 'Australia/Lord_Howe', '2026-04-03T20:00:00Z', 2)).toEqual([
      ...['2026-04-04T14:45', '2026-04-05T15:15'],
    ]);
  });

  it('every half hour is due in both hours', () => {
    expect(runs('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:45:00Z', 5)).toEqual([
      ...['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30', '2026-10-25T02:00'],
    ]);
  });
});

it('gives instants after another, in no zone of the host', () => {
  expect(runs('0 9 * * MON', 'Asia/Kathmandu', '2026-01-05T03:15:00Z', 1)).toEqual(['2026-01-12T03:15']);
  expect(runs('0 9 * * MON', 'Asia/Kathmandu', '2026-01-05T03:14:59.999Z', 1)).toEqual(['2026-01-05T03:15']);
  expect(runs('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2028-02-29T00:00']);
  expect(nextRun({ cron: '0 0 30 2 *', zone: 'UTC' }, '2026-01-01T00:00:00Z')).toBeUndefined();
});

it('counts instants up to a limit', () => {
  const everyMinute = { cron: '* * * * *', zone: 'UTC' };
  expect(runsBetween(everyMinute, '2026-01-01T00:00:00Z', '2026-01-01T01:40:00Z')).toBe(100);
  expect(runsBetween(everyMinute, '2026-01-01T00:00:00Z', '2036-01-01T00:00:00Z')).toBe(1_000);
});

it.each(['* * * * * *', '61 * * * *', '0 9 * *', 'daily', ''])('refuses %j', (cron) => {
  expect(() => nextRun({ cron, zone: 'UTC' }, '2026-01-01T00:00:00Z')).toThrow('cron: is no cron expression');
});
