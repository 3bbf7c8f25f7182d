import { ulid } from 'ulid';
import { signedFetch } from '../adapters/aws/clients/signed-fetch.ts';
import { createClient } from '../client/client.ts';
import { findDeployment } from '../test/cloud/deployment.ts';
import { type Latency, latencyOf } from './harness/latency.ts';

// The waiting time of a caller of the deployed stack: for an append, and until the view has it. Run `npm run cloud` first.

const { apiUrl, region, emulated } = await findDeployment();
const client = createClient({ url: apiUrl, fetch: signedFetch({ region }) });
const agentId = ulid();
await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'bench' });
await client.agents.get(agentId, { waitFor: 1 });

const append = (serviceId: string) => {
  const data = { serviceId, requestId: 'r', response: 'edit '.repeat(50), latency: 1, success: true };
  const events = [{ type: 'external-service.response' as const, data }];
  return client.append(`service-${serviceId}`, { expectedVersion: 0, events });
};

const results: Record<string, Latency> = {};
results['append of 1 event to a new stream'] = await latencyOf(300, () => append(ulid()));
results['command on an agent (load, decide, append)'] = await latencyOf(300, () =>
  client.agents.recordStep(agentId, { action: 'edit', durationMs: 1 }),
);
results['read of a view'] = await latencyOf(300, () => client.agents.get(agentId));
results['append until the view shows it'] = await latencyOf(100, async () => {
  const { version } = await client.agents.recordStep(agentId, { action: 'edit', durationMs: 1 });
  await client.agents.get(agentId, { waitFor: version });
});
console.log(emulated ? 'the stack on an emulator of AWS, milliseconds' : 'the stack on AWS, milliseconds');
console.table(results);
