import { Period, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { type Config, nameOf } from '../shared/config.ts';

/**
 * Adds a rate and a daily quota for each client, counted by the key in the header `x-api-key`. The key only names the quota
 * that a request uses; IAM authorises the request by its signature. Without clients, requests need no key, and only the
 * throttle of the stage limits them.
 */
export function addUsagePlan(api: RestApi, config: Config): void {
  const { clients, client } = config;
  const plan = api.addUsagePlan('Clients', {
    name: nameOf(config),
    description: 'Annals: what each client may ask for',
    throttle: { rateLimit: client.ratePerSecond, burstLimit: client.burst },
    quota: { limit: client.requestsPerDay, period: Period.DAY },
    apiStages: [{ api, stage: api.deploymentStage }],
  });
  for (const name of clients) {
    plan.addApiKey(api.addApiKey(`Client-${name}`, { apiKeyName: `${nameOf(config)}-${name}` }));
  }
}
