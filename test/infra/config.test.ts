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

  it.each([
    ['a stage there is none of', { stage: 'production' }],
    ['production whose clients are not named, for nobody would have a quota', { stage: 'prod' }],
    ['no stage', {}],
    ['nothing', undefined],
    ['days that CloudWatch Logs does not know', { stage: 'dev', logRetentionDays: 8 }],
    ['a throttle that lets nothing through', { stage: 'dev', throttle: { ratePerSecond: 0, burst: 1 } }],
    ['a name that is misspelt', { stage: 'dev', logRetention: 7 }],
  ])('refuses %s', (_, given) => {
    expect(() => configure(given)).toThrow();
  });
});
