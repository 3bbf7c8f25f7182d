import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { LosslessNumber, parse as parseJson } from 'lossless-json';
import * as z from 'zod';
import { isExactNumber } from '../../core/events/exact-number.ts';
import { findJsonFault } from '../../core/events/json.ts';
import type { EventData } from '../../events/catalogue.ts';
import { contentKey, fitId } from './identity.ts';
import { fileError, InputError } from './input.ts';
import { sizeFault } from './request-size.ts';
import type { ImportRequest, ImportSource, StreamImport } from './run-import.ts';

// What is used of a run as SWE-agent records it. Recorders differ in what they leave out, so nearly all may be absent.

const amount = z.number().nonnegative().nullish();

const stepSchema = z.object({
  thought: z.string().nullish(),
  action: z.string(),
  observation: z.string().nullish(),
  execution_time: amount.describe('Seconds'),
});
type RecordedStep = z.output<typeof stepSchema>;

const modelStatsSchema = z.object({
  tokens_sent: amount,
  tokens_received: amount,
  api_calls: amount,
  instance_cost: amount.describe('US dollars'),
});

const text = z.string().nullish().catch(undefined);

/** How the run was set up. Only told on, so whatever has another form is as good as absent. */
const replaySchema = z
  .object({
    env: z.object({
      deployment: z.object({ image: text }).catch({}),
      repo: z.object({ repo_name: text, base_commit: text }).nullish().catch(undefined),
    }),
    agent: z.object({ model: z.object({ name: text }).catch({}) }),
    problem_statement: z.object({ id: text }).nullish().catch(undefined),
  })
  .nullish()
  .catch(undefined);

const runSchema = z.object({
  environment: z.string().min(1).max(128).nullish(),
  trajectory: z.array(stepSchema),
  info: z.object({ exit_status: z.string().max(4096).nullish(), model_stats: modelStatsSchema.nullish() }).nullish(),
  replay_config: replaySchema,
});
type RecordedRun = z.output<typeof runSchema>;

type Step = Omit<EventData<'agent.step-recorded'>, 'agentId'>;

/** Most faults of one file that are told at once. */
const MAX_FAULTS = 5;

/** A recorded agent run as the history of one agent, which is named like the file. */
export function agentRunSource(file: string): ImportSource {
  return {
    name: file,
    load: async () => planAgentRun(fitId(basename(file).replace(/\.traj$/, '')), basename(file), await readRun(file)),
  };
}

async function readRun(file: string): Promise<RecordedRun> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(file, error);
  });
  const parsed = runSchema.safeParse(readJson(file, bytes));
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${z.core.toDotPath(path) || 'the file'}: ${message}`,
    );
    const more = faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : '';
    throw new InputError(file, '', faults.slice(0, MAX_FAULTS).join('; ') + more);
  }
  const steps = parsed.data.trajectory;
  const fault = findJsonFault(steps);
  if (fault) throw new InputError(file, z.core.toDotPath(['trajectory', ...fault.path]), fault.message);
  for (const [index, step] of steps.entries()) {
    const tooLarge = sizeFault(stepOf(step));
    if (tooLarge) throw new InputError(file, `trajectory[${index}]`, tooLarge);
  }
  return parsed.data;
}

function readJson(file: string, bytes: Buffer): unknown {
  if (bytes.length === 0) throw new InputError(file, '', 'is empty');
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError(file, '', 'is not UTF-8 text, so it is no recorded run', { cause });
  }
  try {
    // For the sake of its errors: the native parser does not always say where.
    return parseJson(json, undefined, { parseNumber });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw new InputError(file, '', 'is nested too deeply', { cause });
    const [, before = cause.message, position = '0'] = /^(.*) at position (\d+)$/s.exec(cause.message) ?? [];
    throw new InputError(file, placeOf(json, Number(position)), `not JSON: ${before}`, { cause });
  }
}

/** A number that cannot be kept exactly stays text: it is refused where it is used, and does no harm elsewhere. */
const parseNumber = (text: string) => (isExactNumber(text) ? Number(text) : new LosslessNumber(text));

function placeOf(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}

function planAgentRun(agentId: string, file: string, run: RecordedRun): StreamImport {
  const agent = {
    agentId,
    agentType: run.environment ?? 'unknown',
    configuration: configurationOf(file, run),
    createdBy: 'import',
  };
  const usage = usageOf(run);
  const steps = run.trajectory.map((step, index) => ({
    ...stepOf(step),
    // The recording has totals only; on the last step they are true of the agent as a whole.
    ...(index === run.trajectory.length - 1 && usage ? { usage } : {}),
  }));
  const exitStatus = run.info?.exit_status;
  const begin = { newState: 'running', reason: 'the recorded run begins' } as const;
  const end = {
    newState: exitStatus === 'submitted' ? 'stopped' : 'failed',
    reason: exitStatus ?? 'the recording has no exit status',
  } as const;
  // Of the whole run: another recording under the same name is refused at its first request, and mixes with nothing.
  const content = contentKey(agent, begin, steps, end);
  const key = (request: number) => ({ idempotencyKey: `${content}-${request}` });
  const requests: ImportRequest['send'][] = [
    (client) => client.createAgent(agent, key(1)),
    (client) => client.changeAgentState(agentId, begin, key(2)),
    ...steps.map(
      (step, index): ImportRequest['send'] =>
        (client) =>
          client.recordStep(agentId, step, key(index + 3)),
    ),
    (client) => client.changeAgentState(agentId, end, key(steps.length + 3)),
  ];
  return { streamId: `agent-${agentId}`, requests: requests.map((send) => ({ events: 1, send })) };
}

function stepOf({ thought, action, observation, execution_time: seconds }: RecordedStep): Step {
  return {
    ...given({ thought, observation }),
    action,
    // To the microsecond, which is more than the recorder's clock knows.
    ...(typeof seconds === 'number' ? { durationMs: Math.round(seconds * 1e6) / 1e3 } : {}),
  };
}

function usageOf({ info }: RecordedRun): Step['usage'] {
  const stats = info?.model_stats;
  if (!stats) return undefined;
  return given({
    tokensSent: stats.tokens_sent,
    tokensReceived: stats.tokens_received,
    apiCalls: stats.api_calls,
    costUsd: stats.instance_cost,
  });
}

function configurationOf(file: string, { replay_config: replay }: RecordedRun): Record<string, string> {
  return given({
    importedFrom: file,
    model: replay?.agent.model.name,
    image: replay?.env.deployment.image,
    repository: replay?.env.repo?.repo_name,
    baseCommit: replay?.env.repo?.base_commit,
    problem: replay?.problem_statement?.id,
  });
}

/** The members that have a value. */
function given<V>(members: Record<string, V | null | undefined>): Record<string, V> {
  const entries = Object.entries(members).filter(
    (entry): entry is [string, V] => entry[1] !== null && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
