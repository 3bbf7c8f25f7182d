import * as z from 'zod';
import { amount } from '../../core/events/amount.ts';
import { standardUsage } from '../../events/usage.ts';
import { digest } from '../names.ts';
import type { SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import type { Usage } from '../usage.ts';
import { faultOf, given, smallMembers } from './document-facts.ts';
import { documentForm, jsonValues, type PlacedValue } from './json-document.ts';
import { RunRecorder } from './run-recorder.ts';
import { type HistoryItem, HistorySteps, historyItem } from './swe-agent-history.ts';

// Trajectories of SWE-agent: SWE-agent/SWE-agent v1.1.0, sweagent/types.py and agents.py. Older recorders leave out
// different members, so nearly all are optional.

const text = z.string().nullish().catch(undefined);
const limited = amount.nullish();

const stepSchema = z.looseObject({
  thought: z.string().nullish(),
  action: z.string(),
  observation: z.string().nullish(),
  execution_time: z.number().nonnegative().nullish().describe('Seconds'),
});

const modelStats = z.looseObject({
  tokens_sent: limited,
  tokens_received: limited,
  api_calls: limited,
  instance_cost: limited.describe('US dollars'),
});

const info = z.looseObject({
  exit_status: z.string().max(4096).nullish(),
  submission: text,
  model_stats: modelStats.nullish(),
});

/** The set-up of the run. Newer versions write it as text. */
const replayConfig = z
  .looseObject({
    env: z
      .looseObject({
        deployment: z.looseObject({ image: text }).nullish().catch(undefined),
        repo: z.looseObject({ repo_name: text, base_commit: text }).nullish().catch(undefined),
      })
      .nullish()
      .catch(undefined),
    agent: z
      .looseObject({ model: z.looseObject({ name: text }).nullish().catch(undefined) })
      .nullish()
      .catch(undefined),
    problem_statement: z.looseObject({ id: text }).nullish().catch(undefined),
  })
  .nullish()
  .catch(undefined);

const factsSchema = z.looseObject({
  environment: z.string().min(1).max(128).nullish(),
  info: info.nullish(),
  replay_config: z.preprocess((value) => (typeof value === 'string' ? parsed(value) : value), replayConfig),
});
type Facts = z.output<typeof factsSchema>;

/** Settings of files without times. */
export interface Start {
  /** When the runs began; ISO 8601. */
  readonly start?: string | undefined;
}

/** A run of SWE-agent: a trajectory, or only its history. */
export function sweAgentPart(file: SourceFile, agentId: string, { start }: Start): SourcePart {
  return {
    name: file.path,
    checkFirst: true,
    events: () => new SweAgentRun(file, agentId, start).events(),
  };
}

class SweAgentRun {
  readonly #file: SourceFile;
  readonly #run: RunRecorder;
  #clock: RunClock;

  constructor(file: SourceFile, agentId: string, start: string | undefined) {
    this.#file = file;
    this.#run = new RunRecorder(agentId);
    this.#clock = new RunClock(start, file.modifiedAt);
  }

  async *events(): AsyncGenerator<SourceEvent> {
    const read = () => this.#file.read();
    const form = await documentForm(read);
    const isRun = form.kind === 'array' || form.members.has('trajectory') || form.members.has('history');
    if (!isRun) throw new SourceFault('', 'has no trajectory and no history, so it is no run of SWE-agent');
    const lists = [...form.members].filter(([, { kind }]) => kind === 'array').map(([name]) => name);
    const facts = factsOf(await smallMembers(read, form));
    const others = lists.filter((name) => !['trajectory', 'history'].includes(name));
    yield* this.#begin(facts, others);
    const history = jsonValues(read, [form.kind === 'array' ? '$.*' : '$.history.*']);
    const submission = facts.info?.submission ?? undefined;
    let rest: readonly unknown[];
    if (lists.includes('trajectory')) rest = yield* this.#trajectory(read, history, submission);
    else rest = yield* this.#history(history, facts);
    yield* this.#run.end({
      exitStatus: facts.info?.exit_status ?? undefined,
      submission,
      totals: totalsOf(facts),
      at: this.#clock.now,
      kept: { info: { ...facts.info, submission: undefined }, history: rest.length > 0 ? rest : undefined },
    });
  }

  *#begin(facts: Facts, others: readonly string[]): Generator<SourceEvent> {
    const { environment, info: _, replay_config: replay, ...more } = facts;
    const configuration = {
      importedFrom: this.#file.path.split(/[\\/]/).at(-1)?.replace(/\.gz$/, ''),
      model: replay?.agent?.model?.name,
      image: replay?.env?.deployment?.image,
      repository: replay?.env?.repo?.repo_name,
      baseCommit: replay?.env?.repo?.base_commit,
      problem: replay?.problem_statement?.id,
    };
    const kept = { replayConfig: replay, ...more, leftOut: others.length > 0 ? others : undefined };
    yield* this.#run.begin(
      this.#clock.now,
      { agentType: environment ?? 'unknown', configuration: configuration as never },
      kept,
    );
  }

  /** @returns the items of the history after the last step */
  async *#trajectory(
    read: () => AsyncIterable<Uint8Array>,
    history: AsyncGenerator<PlacedValue>,
    submission: string | undefined,
  ): AsyncGenerator<SourceEvent, readonly unknown[]> {
    const queries = new Queries();
    let number = 0;
    for await (const { value } of jsonValues(read, ['$.trajectory.*'])) {
      const place = `trajectory[${number++}]`;
      const recorded = stepSchema.safeParse(value);
      if (!recorded.success) throw faultOf(place, recorded.error);
      const { thought, action, observation, execution_time: seconds, query, messages, ...kept } = recorded.data;
      const durationMs = typeof seconds === 'number' ? Math.round(seconds * 1e6) / 1e3 : undefined;
      const step = { ...given({ thought, observation, durationMs }), action };
      const details = { ...kept, query: queries.after(query ?? messages), history: await untilAnswer(history) };
      yield* this.#run.step({ step, place, at: this.#clock.after(durationMs), kept: details }, submission);
    }
    const rest: unknown[] = [];
    for await (const { value } of history) rest.push(value);
    return rest;
  }

  /** The steps of a file that has only messages. */
  async *#history(
    history: AsyncGenerator<PlacedValue>,
    { info: told }: Facts,
  ): AsyncGenerator<SourceEvent, readonly unknown[]> {
    const steps = new HistorySteps();
    let number = 0;
    for await (const { value } of history) {
      const item: HistoryItem = historyItem.catch({}).parse(value);
      for (const step of steps.item(item, `history[${number++}]`)) {
        yield* this.#run.step({ ...step, at: this.#clock.now }, told?.submission ?? undefined);
      }
    }
    if (number === 0) throw new SourceFault('', 'has no messages');
    for (const step of steps.end()) yield* this.#run.step({ ...step, at: this.#clock.now });
    return steps.rest;
  }
}

/** The items of a history up to the next answer of the model, demonstrations included. */
async function untilAnswer(history: AsyncGenerator<PlacedValue>): Promise<readonly unknown[] | undefined> {
  const items: unknown[] = [];
  for (;;) {
    const next = await history.next();
    if (next.done) break;
    items.push(next.value.value);
    const { role, is_demo: isDemo } = historyItem.catch({}).parse(next.value.value);
    if (role === 'assistant' && !isDemo) break;
  }
  return items.length > 0 ? items : undefined;
}

/** The time of steps: that of the file, or the start of the run and the durations. */
class RunClock {
  readonly #isCounting: boolean;
  #ms: number;

  constructor(start: string | undefined, modifiedAt: string) {
    this.#isCounting = start !== undefined;
    this.#ms = Date.parse(start ?? modifiedAt);
  }

  get now(): string {
    return new Date(this.#ms).toISOString();
  }

  after(durationMs: number | undefined): string {
    if (this.#isCounting) this.#ms += durationMs ?? 0;
    return this.now;
  }
}

/** The prompts of steps. Each repeats the prompt before it, so that only what is new is kept. */
class Queries {
  #before: readonly string[] = [];

  after(query: unknown): object | undefined {
    if (!Array.isArray(query)) return undefined;
    const digests = query.map((message) => digest(JSON.stringify(message) ?? ''));
    const differs = digests.findIndex((each, index) => each !== this.#before[index]);
    const same = differs === -1 ? digests.length : differs;
    this.#before = digests;
    return { sameAsBefore: same, messages: query.slice(same) };
  }
}

function totalsOf({ info: told }: Facts): Usage | undefined {
  const stats = told?.model_stats;
  if (!stats) return undefined;
  const totals = standardUsage(
    given({
      tokensSent: stats.tokens_sent,
      tokensReceived: stats.tokens_received,
      apiCalls: stats.api_calls,
      costUsd: stats.instance_cost,
    }),
  );
  return Object.keys(totals).length > 0 ? (totals as Usage) : undefined;
}

function factsOf(members: object): Facts {
  const facts = factsSchema.safeParse(members);
  if (facts.success) return facts.data;
  throw faultOf('', facts.error);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
