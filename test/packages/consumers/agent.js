// A user's program: it has annals-client and nothing else. The URL of the server is its argument.
import { AnnalsRequestError, createClient, EventBatchProcessor } from 'annals-client';

const client = createClient({ url: globalThis.process.argv[2] });
const { agentId } = await client.agents.create({ agentType: 'coder', createdBy: 'me', configuration: {} });
await client.agents.recordStep(agentId, { thought: 'A colon is missing.', action: 'edit 4:4', durationMs: 412 });

const batch = new EventBatchProcessor(client, { batchTimeoutMs: 10 });
const data = { agentId, thought: 'It compiles.', action: 'run', durationMs: 5 };
await batch.addEvent(`agent-${agentId}`, { type: 'agent.step-recorded', data });
await batch.close();

const types = [];
for await (const event of client.follow({ aggregateId: agentId })) {
  types.push(event.type);
  if (event.sequenceNumber === 3) break;
}
const { steps } = await client.agents.get(agentId, { waitFor: 3 });
const refused = await client.agents.get('nobody').catch((error) => {
  if (!(error instanceof AnnalsRequestError)) throw error;
  return [error.name, error.status, error.code];
});
globalThis.process.stdout.write(JSON.stringify({ types, steps, refused }));
