import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../bin/serve/server.ts';
import { createClient } from '../client/client.ts';

// What is recorded after a budget is used up and before it is spent, with 16 agents that record steps without a pause.
// `node bench/budgets.ts`

const AGENTS = 16;
const LIMIT = 100;
const RUNS = 5;

const dataDir = mkdtempSync(join(tmpdir(), 'annals-budgets-'));
const server = await startServer({ port: 0, dataDir, logger: console });
const client = createClient({ url: server.url });
try {
  for (let run = 0; run < RUNS; run++) {
    const taskId = `t-${run}`;
    const requiredAgents = Array.from({ length: AGENTS }, (_, n) => `a-${run}-${n}`);
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
  await server.close();
  rmSync(dataDir, { recursive: true });
}
