import { expect, it, vi } from 'vitest';
import { CorruptDataError, EventVersionError, LineageError, UnavailableError } from '../../../../core/base/errors.ts';
import { DamageRecord, isDamage, notingDamage } from '../../../../core/telemetry/damage.ts';
import { withDamage } from '../../../../core/telemetry/health.ts';

const rotten = new CorruptDataError('the commit at version 3 of stream agent-secret cannot be read');

it('knows damage, also where it is the cause of another error', () => {
  expect(
    [rotten, new LineageError('a circle'), new Error('x', { cause: new Error('y', { cause: rotten }) })].map(isDamage),
  ).toEqual([true, true, true]);
  expect([new UnavailableError('away'), new Error('x'), 'text', undefined].map(isDamage)).toEqual(Array(4).fill(false));
});

it('keeps the damage until the process ends, and says what to do without a name', () => {
  let calls = 0;
  const damage = new DamageRecord(() => {
    calls += 1;
  });
  expect(damage.reasons()).toEqual([]);
  const lines: string[] = [];
  const line = (message: string, _details: object) => void lines.push(message);
  const logger = notingDamage({ warn: line, error: line }, damage);
  logger.error('all is well', { error: new UnavailableError('away') });
  expect(damage.reasons()).toEqual([]);
  logger.error('first', { error: rotten });
  logger.warn('second', { cause: rotten });
  damage.add('the views are ahead');
  damage.add('the views are ahead');
  expect(lines).toEqual(['all is well', 'first', 'second']);
  expect(calls).toBe(2);
  expect(damage.reasons()).toEqual([
    'the views are ahead',
    expect.stringMatching(/^damaged data was met 2 times since 2.*annals verify.*restore/),
  ]);
  expect(damage.reasons().join()).not.toContain('agent-secret');
});

it('tells of events that the code does not know, apart from damage', () => {
  const onDamage = vi.fn();
  const damage = new DamageRecord(onDamage);
  const newer = new EventVersionError(
    { stream: 'task-secret', sequenceNumber: 1, type: 'task.requested', version: 9 },
    {},
  );
  damage.note(new Error('a view', { cause: newer }));
  expect(damage.reasons()).toEqual([
    expect.stringMatching(/^events that this Annals does not know.*1 time since.*redrive/),
  ]);
  expect(onDamage).not.toHaveBeenCalled();
});

it('degrades a health, and makes none better', () => {
  const report = { status: 'ok', checks: { events: 'ok' } } as const;
  expect(withDamage(report, [])).toEqual(report);
  expect(withDamage(report, ['why'])).toEqual({
    ...{ status: 'degraded', checks: { events: 'ok', data: 'failing' }, reasons: ['why'] },
  });
  expect(withDamage({ status: 'down', checks: { events: 'failing' } }, ['why']).status).toBe('down');
});
