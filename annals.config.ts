import type { AnnalsConfig } from './core/base/configuration.ts';

/**
 * What this installation wants otherwise than by default, on one machine and on AWS alike. docs/configuration.md lists
 * every setting. Here for example: `event_system: { snapshots: { frequency: 50 } }`.
 */
const config: AnnalsConfig = {};

export default config;
