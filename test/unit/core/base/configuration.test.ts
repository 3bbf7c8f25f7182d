import { describe, expect, it } from 'vitest';
import annalsConfig from '../../../../annals.config.ts';
import { configureEventSystem } from '../../../../core/base/configuration.ts';

/** The configuration of the original specification, less what is decided by where Annals runs. */
const original = {
  event_system: {
    store: {
      partition_strategy: 'by_aggregate_type',
      log_shards: 8,
      retention_policy: { days: 365, compression: true },
    },
    bus: { batch_size: 100, batch_timeout: '1000ms' },
    processors: {
      concurrent_workers: 10,
      retry_policy: { max_retries: 3, backoff_strategy: 'exponential', initial_delay: '1s', max_delay: '60s' },
    },
    snapshots: { enabled: true, frequency: 100, compression: 'gzip' },
    monitoring: { metrics_enabled: true, tracing_enabled: true, health_check_interval: '30s' },
    security: { encryption_at_rest: true, encryption_in_transit: true, authentication_required: true },
  },
};

describe('a configuration', () => {
  it('takes that of the original specification, whose values are the defaults but for one', () => {
    const given = configureEventSystem(original);
    const defaults = configureEventSystem({});
    expect(given).toEqual({ ...defaults, store: { ...defaults.store, partition_strategy: 'by_aggregate_type' } });
  });

  it('has its times in milliseconds', () => {
    const { bus, processors, monitoring } = configureEventSystem({ event_system: { bus: { batch_timeout: '1.5s' } } });
    expect(bus.batch_timeout).toBe(1_500);
    expect(processors.retry_policy.max_delay).toBe(60_000);
    expect(monitoring.health_check_interval).toBe(30_000);
  });

  it('of this installation can be taken', () => {
    expect(() => configureEventSystem(annalsConfig)).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    [
      'a choice there is not',
      { store: { partition_strategy: 'hash' } },
      'store.partition_strategy: .*"single".*"by_aggregate_type"',
    ],
    ['a number out of range', { bus: { batch_size: 0 } }, 'bus.batch_size: must be a whole number from 1 to 10000'],
    [
      'a time without a unit',
      { bus: { batch_timeout: '1000' } },
      'bus.batch_timeout: must be a time from 0ms to 5m, such as',
    ],
    [
      'a time that is a number',
      { bus: { batch_timeout: 1000 } },
      'bus.batch_timeout: must be a time from 0ms to 5m, such as',
    ],
    [
      'a time out of range',
      { bus: { batch_timeout: '6m' } },
      'bus.batch_timeout: must be a time from 0ms to 5m, such as',
    ],
    [
      'a misspelt name',
      { snapshots: { frequenzy: 5 } },
      'snapshots: has nothing named frequenzy; it has enabled, frequency, compression',
    ],
    [
      'encryption turned off',
      { security: { encryption_at_rest: false } },
      'security.encryption_at_rest: must be true: ',
    ],
    [
      'pauses that end before they begin',
      { processors: { retry_policy: { initial_delay: '2s', max_delay: '1s' } } },
      'processors.retry_policy.max_delay: must not be shorter than initial_delay',
    ],
  ])('refuses %s, with its path and what is allowed', (_, event_system, message) => {
    expect(() => configureEventSystem({ event_system })).toThrow(new RegExp(`^event_system.${message}`));
  });

  it('refuses what is no configuration at all', () => {
    for (const given of [undefined, null, 5, 'x', []]) expect(() => configureEventSystem(given)).toThrow(/object/);
    expect(() => configureEventSystem({ eventSystem: {} })).toThrow(
      'has nothing named eventSystem; it has event_system',
    );
  });
});
