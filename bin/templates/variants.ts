import type { AnnalsConfig } from '../../core/base/configuration.ts';
import type { Stage } from '../../lib/shared/config.ts';

/** A combination of settings with different templates. */
export interface Variant {
  readonly name: string;
  readonly settings: { readonly stage: Stage; readonly [setting: string]: unknown };
  readonly annalsConfig?: AnnalsConfig;
}

const stages: readonly Stage[] = ['dev', 'staging', 'prod'];
const everyOption = { clients: ['team-a', 'ci'], waf: true, trail: true };

/** Every stage, without and with every option, and further settings that change a template. Checks of templates run on all. */
export const variants: readonly Variant[] = [
  ...stages.map((stage) => ({
    name: stage,
    settings: { stage, ...(stage === 'prod' ? { clients: ['team-a'] } : {}) },
  })),
  ...stages.map((stage) => ({ name: `${stage}-every-option`, settings: { stage, ...everyOption } })),
  {
    name: 'staging-without-metrics',
    settings: { stage: 'staging' },
    annalsConfig: { event_system: { monitoring: { metrics_enabled: false } } },
  },
  { name: 'prod-deployed-at-once', settings: { stage: 'prod', clients: ['team-a'], gradualDeployment: false } },
  {
    name: 'prod-unbounded',
    settings: { stage: 'prod', clients: [], reservedConcurrency: undefined, accountConcurrency: 10 },
  },
  { name: 'dev-emulated', settings: { stage: 'dev', metricMath: false, emptyBuckets: false } },
  {
    name: 'dev-configured',
    settings: { stage: 'dev' },
    annalsConfig: {
      event_system: { bus: { batch_size: 1_000, batch_timeout: '5s' }, monitoring: { health_check_interval: '1m' } },
    },
  },
];
