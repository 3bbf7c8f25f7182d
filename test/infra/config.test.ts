import { describe, expect, it } from 'vitest';
import { configure } from '../../lib/shared/config.ts';

describe('configure', () => {
  it('keeps the data of production and lets go of that of other stages', () => {
    expect(configure({ stage: 'prod', clients: ['fleet'] }).removalPolicy).toBe('retain-on-update-or-delete');
    expect(configure({ stage: 'staging' }).removalPolicy).toBe('destroy');
    expect(configure({ stage: 'dev' }).removalPolicy).toBe('destroy');
  });

  it('uses given values before its defaults', () => {
    const config = configure({ stage: 'dev', logRetentionDays: 90 });
    expect(config).toMatchObject({ stage: 'dev', logRetentionDays: 90, failedBatchRetentionDays: 14 });
  });

  it('takes a new account, which has 10 executions, when nothing is reserved', () => {
    const given = { stage: 'prod', clients: [], accountConcurrency: 10 };
    expect(configure({ ...given, reservedConcurrency: undefined }).accountConcurrency).toBe(10);
    expect(() => configure(given)).toThrow(/the account has 10: ask AWS for more, or give -c reserve=false/);
    expect(configure({ ...given, accountConcurrency: 720 }).reservedConcurrency).toBeDefined();
  });

  it.each([
    ['a stage there is none of', { stage: 'production' }],
    ['production whose clients are not named, for nobody would have a quota', { stage: 'prod' }],
    ['no stage', {}],
    ['nothing', undefined],
    ['days that CloudWatch Logs does not know', { stage: 'dev', logRetentionDays: 8 }],
    ['a throttle that lets nothing through', { stage: 'dev', throttle: { ratePerSecond: 0, burst: 1 } }],
    ['more reservations than the account has', { stage: 'prod', clients: [], accountConcurrency: 519 }],
    ['an account without executions', { stage: 'dev', accountConcurrency: 0 }],
    ['a name that is misspelt', { stage: 'dev', logRetention: 7 }],
  ])('refuses %s', (_, given) => {
    expect(() => configure(given)).toThrow();
  });
});
