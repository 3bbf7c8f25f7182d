import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import { handleCommand } from '../../core/state/decider.ts';
import agents from '../../domain/application.ts';
import { taskDecider } from '../../domain/task/task.ts';
import { catalogue } from './application.ts';
import { answerAssignments } from './obedient-agents.ts';

const { projections, sagas } = agents;

// Requests tasks of three obedient agents as fast as possible, and prints the id of each task.
const [dataDir = '', run = '0'] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const fail = (message: string, details: object) => say(`failed ${message} ${JSON.stringify(details)}`);
const engine = createEngine({ catalogue, dataDir, projections, sagas, logger: { warn: fail, error: fail } });
answerAssignments(engine);
engine.start();

async function requestForever(worker: number): Promise<void> {
  for (let n = 0; ; n++) {
    const taskId = `${run}-${worker}-${n}`;
    const order = { requiredAgents: ['a', 'b', 'c'], payload: {}, deadlineSeconds: 3600 };
    await handleCommand(engine.store, taskDecider, taskId, { kind: 'request', ...order });
    say(taskId);
  }
}

await Promise.all([1, 2].map(requestForever));
