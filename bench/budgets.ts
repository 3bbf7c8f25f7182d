import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { signedFetch } from '../adapters/aws/clients/signed-fetch.ts';
import { startServer } from '../bin/serve/server.ts';
import { createClient } from '../client/client.ts';
import { findDeployment } from '../test/cloud/deployment.ts';

// What is recorded after a budget is used up and before it is spent, with 16 agents that record steps without a pause.
// `node bench/budgets.ts` on one machine; `node bench/budgets.ts --deployed` on the stack of `npm run cloud`.

const AGENTS = 16;
const LIMIT = 100;
const RUNS = 5;

const isDeployed = process.argv.includes('--deployed');
const { client, close } = await (isDeployed ? deployed() : oneMachine());
try {
  for (let run = 0; run < RUNS; run++) {
    const taskId = `t-${ulid()}`;
    const requiredAgents = Array.from({ length: AGENTS }, (_, n) => `a-${n}-${ulid()}`);
    for (const agentId of requiredAgents) {
      await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'bench' });
    }
    await client.tasks.request({ taskId, requiredAgents, payload: {}, deadlineSeconds: 600, budget: { steps: LIMIT } });
    let recorded = 0;
    let usedUpAt = 0;
    let isSpent = false;
    const record = async (agentId: string) => {
      while (!isSpent) {
        await client.agents.recordStep(agentId, { action: 'think', taskId });
        if (++recorded === LIMIT) usedUpAt = performance.now();
      }
    };
    const watch = async () => {
      while (!isSpent) {
        const found = await client.budgets.get(`task:${taskId}`).catch(() => undefined);
        isSpent = found?.state === 'spent';
      }
      return { after: recorded, ms: Math.round(performance.now() - usedUpAt) };
    };
    const [seen] = await Promise.all([watch(), ...requiredAgents.map(record)]);
    const { data } = (await client.readStream(`budget-task:${taskId}`)).events.at(-1) ?? {};
    const counted = (data as { spent: { steps: number } }).spent.steps;
    console.log(
      `limit ${LIMIT}: spent at ${counted} counted steps; ${seen.after - LIMIT} over and ${seen.ms} ms until a reader saw it`,
    );
  }
} finally {
  await close();
}

async function oneMachine() {
  const dataDir = mkdtempSync(join(tmpdir(), 'annals-budgets-'));
  const server = await startServer({ port: 0, dataDir, logger: console });
  const closeAll = async () => {
    await server.close();
    rmSync(dataDir, { recursive: true });
  };
  return { client: createClient({ url: server.url }), close: closeAll };
}

async function deployed() {
  const { apiUrl, region } = await findDeployment();
  return { client: createClient({ url: apiUrl, fetch: signedFetch({ region }) }), close: async () => {} };
}
