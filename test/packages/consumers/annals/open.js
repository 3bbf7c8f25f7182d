// A user's program: the application in its own process. Its argument is the data folder.
import { defineAnnals, openAnnals } from 'annals';
import { agentDecider, agents } from 'annals/agents';
import { createClient } from 'annals/client';

const annals = await openAnnals(defineAnnals({ modules: [agents] }), { dataDir: globalThis.process.argv[2] });
const create = { kind: 'create', agentType: 'coder', createdBy: 'me', configuration: {} };
const { version } = await annals.execute(agentDecider, '1', create, { commitId: 'first' });
const repeat = await annals.execute(agentDecider, '1', create, { commitId: 'first' });
const refused = await annals.execute(agentDecider, '1', create).catch(({ name }) => name);

const client = createClient(await annals.listen({ port: 0 }));
await client.agents.recordStep('1', { thought: 'A colon is missing.', action: 'edit 4:4', durationMs: 412 });
const types = [];
for await (const { type } of annals.follow()) {
  if (types.push(type) === 2) break;
}
const { steps } = await client.agents.get('1', { waitFor: 2 });
await annals.close();
globalThis.process.stdout.write(JSON.stringify({ version, repeated: repeat.repeated, refused, types, steps }));
