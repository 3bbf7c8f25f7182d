import { readFile } from 'node:fs/promises';
import { basename, resolve, sep } from 'node:path';
import { LosslessNumber, parse as parseJson } from 'lossless-json';
import * as z from 'zod';
import type { EventData, NewEvent } from '../../core/events/catalogue.ts';
import { isExactNumber } from '../../core/events/exact-number.ts';
import { type AgentPlan, requestsFor } from './agent-history.ts';
import { eventFault } from './event-fault.ts';
import { unpack } from './gzip.ts';
import { fitId } from './identity.ts';
import { fileError, InputError } from './input.ts';
import type { ImportSource } from './run-import.ts';

// The members of a run of SWE-agent that the import reads. Recorders leave out different members, so nearly all are optional.

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

/** The set-up of the run. It only goes into the configuration of the agent, so members of another form are ignored. */
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
  info: z
    .object({ exit_status: z.string().max(4096).nullish(), submission: text, model_stats: modelStatsSchema.nullish() })
    .nullish(),
  replay_config: replaySchema,
});
type RecordedRun = z.output<typeof runSchema>;

type Step = Omit<EventData<'agent.step-recorded'>, 'agentId'>;

/** Most faults of a file that are reported at once. */
const MAX_FAULTS = 5;

/** The ids of the agents of recorded runs. */
export interface RunNames {
  /** The id of the agent, for a single file. */
  readonly id?: string | undefined;
  /** Text before the name of each file. */
  readonly prefix?: string | undefined;
}

/**
 * Sources of recorded agent runs. Each run becomes the history of an agent that is named like its file. Files with the same
 * name in several folders get as many of their folders into the name as they need to differ.
 */
export function agentRunSources(files: readonly string[], { id, prefix = '' }: RunNames = {}): ImportSource[] {
  const paths = [...new Set(files.map((file) => resolve(file)))];
  const named = paths.map((path) => {
    const isShared = paths.some((other) => other !== path && bareName(other) === bareName(path));
    return { path, parts: (isShared ? path : bareName(path)).split(sep).reverse() };
  });
  const joinName = (parts: readonly string[], count: number) => parts.slice(0, count).reverse().join(':');
  return named.map(({ path, parts }) => {
    let count = 1;
    while (named.some((other) => other.path !== path && joinName(other.parts, count) === joinName(parts, count)))
      count++;
    return agentRunSource(
      files.find((file) => resolve(file) === path) ?? path,
      id ?? fitId(`${prefix}${joinName(parts, count)}`),
    );
  });
}

/** A path without the endings `.traj` and `.traj.gz`. */
const bareName = (path: string): string => path.replace(/\.gz$/, '').replace(/\.traj$/, '');

function agentRunSource(file: string, agentId: string): ImportSource {
  return {
    name: file,
    load: async () => {
      const plan = planAgentRun(agentId, file, await readRun(file));
      return { streamId: `agent-${agentId}`, requests: (client) => requestsFor(plan, client) };
    },
  };
}

async function readRun(file: string): Promise<RecordedRun> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(file, error);
  });
  const parsed = runSchema.safeParse(readJson(file, await unpack(file, bytes)));
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${z.core.toDotPath(path) || 'the file'}: ${message}`,
    );
    const more = faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : '';
    throw new InputError(file, '', faults.slice(0, MAX_FAULTS).join('; ') + more);
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
    // This parser always names the position of an error, unlike the native parser.
    return parseJson(json, undefined, { parseNumber });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw new InputError(file, '', 'is nested too deeply', { cause });
    const [, before = cause.message, position = '0'] = /^(.*) at position (\d+)$/s.exec(cause.message) ?? [];
    throw new InputError(file, describePlace(json, Number(position)), `not JSON: ${before}`, { cause });
  }
}

/** A number that cannot be kept exactly stays text. It is refused where the import reads it, and ignored elsewhere. */
const parseNumber = (text: string) => (isExactNumber(text) ? Number(text) : new LosslessNumber(text));

function describePlace(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}

/** Plans a run. @throws InputError when the server would refuse a part of it; then no part is sent */
function planAgentRun(agentId: string, file: string, run: RecordedRun): AgentPlan {
  const exitStatus = run.info?.exit_status;
  const plan: AgentPlan = {
    file,
    agentId,
    agent: {
      agentType: run.environment ?? 'unknown',
      configuration: readConfiguration(basename(file, '.gz'), run),
      createdBy: 'import',
    },
    begin: { newState: 'running', reason: 'the recorded run begins' },
    steps: [...run.trajectory.map(toStep), ...resultSteps(run)],
    usage: readUsage(run) ?? {},
    end: {
      newState: exitStatus === 'submitted' ? 'stopped' : 'failed',
      reason: exitStatus ?? 'the recording has no exit status',
    },
  };
  assertAccepted(plan);
  return plan;
}

/** A last step with the result of a run, when no recorded step has it: a patch, or the cost of a run without steps. */
function resultSteps({ trajectory, info }: RecordedRun): Step[] {
  const submission = info?.submission?.trim();
  const isRecorded = !submission || trajectory.some(({ observation }) => observation?.includes(submission));
  const isCounted = trajectory.length > 0 || !info?.model_stats;
  if (isRecorded && isCounted) return [];
  return [{ action: 'result', ...given({ observation: isRecorded ? info?.exit_status : info?.submission }) }];
}

function assertAccepted({ file, agentId, agent, begin, steps, usage, end }: AgentPlan): void {
  const change = { agentId, previousState: 'created' } as const;
  const events: readonly (readonly [place: string, event: NewEvent])[] = [
    ['the run', { type: 'agent.created', data: { agentId, ...agent } }],
    ['the run', { type: 'agent.state-changed', data: { ...change, ...begin } }],
    ...steps.map((step, index): [string, NewEvent] => [
      `trajectory[${index}]`,
      { type: 'agent.step-recorded', data: { agentId, ...step } },
    ]),
    ['info.model_stats', { type: 'agent.step-recorded', data: { agentId, action: 'result', usage } }],
    ['info.exit_status', { type: 'agent.state-changed', data: { ...change, ...end } }],
  ];
  for (const [place, event] of events) {
    const fault = eventFault(event);
    if (fault?.startsWith('data.')) throw new InputError(file, `${place}.${fault.slice('data.'.length)}`, '');
    if (fault) throw new InputError(file, place, fault);
  }
}

function toStep({ thought, action, observation, execution_time: seconds }: RecordedStep): Step {
  return {
    ...given({ thought, observation }),
    action,
    // Rounded to the microsecond, which is finer than the recorder's clock.
    ...(typeof seconds === 'number' ? { durationMs: Math.round(seconds * 1e6) / 1e3 } : {}),
  };
}

function readUsage({ info }: RecordedRun): Step['usage'] {
  const stats = info?.model_stats;
  if (!stats) return undefined;
  return given({
    inputTokens: stats.tokens_sent,
    outputTokens: stats.tokens_received,
    apiCalls: stats.api_calls,
    costUsd: stats.instance_cost,
  });
}

function readConfiguration(file: string, { replay_config: replay }: RecordedRun): Record<string, string> {
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
