import { Period, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { Config } from '../shared/config.ts';

/**
 * What each client may ask of the API, counted by the key that it sends along as `x-api-key`. The key says whose quota a
 * request uses and nothing else: who may ask at all, IAM decides by the signature. A client is added with its key; with
 * no clients, requests need no key and only the throttle of the stage holds.
 */
export function addUsagePlan(api: RestApi, { stage, clients, client }: Config): void {
  const plan = api.addUsagePlan('Clients', {
    name: `annals-${stage}`,
    description: 'Annals: what each client may ask for',
    throttle: { rateLimit: client.ratePerSecond, burstLimit: client.burst },
    quota: { limit: client.requestsPerDay, period: Period.DAY },
    apiStages: [{ api, stage: api.deploymentStage }],
  });
  for (const name of clients) {
    plan.addApiKey(api.addApiKey(`Client-${name}`, { apiKeyName: `annals-${stage}-${name}` }));
  }
}
