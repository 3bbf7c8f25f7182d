import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../bin/import/open-file.ts';
import { runImport } from '../../bin/import/run-import.ts';
import { sweAgentPart } from '../../sources/session-files/swe-agent.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deployedClient } from './client.ts';

const folder = temporaryFolder();
const client = deployedClient();

/** A run as SWE-agent records it. */
function recordedRun(steps: number) {
  const step = (number: number) => ({
    action: number === steps ? 'submit\n' : `open "src/module_${number}.py" ${number * 10}\n`,
    observation: `[File: /repo/src/module_${number}.py (120 lines total)]\n`.padEnd(1_500, `${number}: pass\n`),
    response: `Let's look at module ${number}.\n\`\`\`\nopen\n\`\`\``,
    state: '{"open_file": "/repo/src/module.py", "working_dir": "/repo"}\n',
    thought: `The failing test goes through module ${number}; let me read it.`,
    execution_time: 0.25 * number,
  });
  const model_stats = {
    total_cost: 0.42,
    instance_cost: 0.42,
    tokens_sent: 41_000,
    tokens_received: 520,
    api_calls: steps,
  };
  return {
    environment: 'swe_main',
    trajectory: Array.from({ length: steps }, (_, index) => step(index + 1)),
    history: [{ role: 'system', content: 'SETTING: You are an autonomous programmer.', agent: 'primary' }],
    info: { exit_status: 'submitted', submission: '\ndiff --git a/module.py b/module.py\n', model_stats },
  };
}

/** Recorded runs in files, with this many steps each. @returns their agents and where they are */
function files(...lengths: number[]) {
  const recorded = lengths.map(async (steps) => {
    const agentId = `run-${ulid()}`;
    const file = join(folder, `${agentId}.traj`);
    writeFileSync(file, JSON.stringify(recordedRun(steps)));
    return { agentId, steps, source: sweAgentPart(await openFile(file), agentId, {}) };
  });
  return Promise.all(recorded);
}

describe('recorded agent runs', () => {
  it('come in through API Gateway, each the history of an agent, and show in its view', async () => {
    const runs = await files(3, 12, 30);
    const sources = runs.map(({ source }) => source);
    const result = await runImport(client, sources, { concurrency: 4 });
    expect(result).toMatchObject({ streams: 3, conflicts: 0, failed: 0, unfinished: 0, problems: [] });
    for (const { agentId, steps } of runs) {
      // The patch that the run submitted is a last step.
      const { version } = await client.readStream(`agent-${agentId}`, { limit: 1 });
      const view = await client.agents.get(agentId, { waitFor: version });
      expect(view).toMatchObject({
        agentId,
        agentType: 'swe_main',
        state: 'stopped',
        steps: steps + 1,
        createdBy: 'import',
      });
      expect(view.durationMs).toBeCloseTo((250 * steps * (steps + 1)) / 2);
    }
  });

  it('come in once, however often they are sent', async () => {
    const sources = (await files(5, 8)).map(({ source }) => source);
    const first = await runImport(client, sources, { concurrency: 4 });
    const again = await runImport(client, sources, { concurrency: 4 });
    expect(again).toMatchObject({ streams: 2, events: 0, problems: [] });
    expect(again.repeated).toBe(first.events + first.repeated);
  });
});
