import * as z from 'zod';
import { utcOf } from '../instant.ts';
import { digest, fitId } from '../names.ts';
import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import { chatAction, toolAction } from '../steps.ts';
import { type Usage, usageOfAtif } from '../usage.ts';
import { textOf } from './claude-line.ts';
import { faultOf, smallMembers } from './document-facts.ts';
import { documentForm, jsonValues } from './json-document.ts';
import { RunRecorder } from './run-recorder.ts';
import { type Naming, sessionId } from './session-names.ts';

// ATIF, the trajectory format of Harbor, versions 1.0 to 1.8 (harbor 0.26.0, harbor/models/trajectories).

const text = z.string().nullish().catch(undefined);
const told = z.record(z.string(), z.unknown()).nullish().catch(undefined);

const result = z.looseObject({ source_call_id: text, content: z.unknown().optional() });

const stepSchema = z.looseObject({
  timestamp: text,
  source: text,
  model_name: text,
  message: z.unknown().optional(),
  reasoning_content: text,
  tool_calls: z
    .array(z.looseObject({ tool_call_id: text, function_name: text, arguments: z.unknown().optional() }))
    .nullish(),
  observation: z.looseObject({ results: z.array(result).nullish() }).nullish(),
  metrics: told,
  is_copied_context: z.boolean().nullish().catch(undefined),
});
type AtifStep = z.output<typeof stepSchema>;

const factsSchema = z.looseObject({
  schema_version: text,
  session_id: text,
  trajectory_id: text,
  agent: z.looseObject({ name: text, version: text, model_name: text }).nullish().catch(undefined),
  final_metrics: told,
});

/** A trajectory, or one inside of another. */
interface Trajectory {
  readonly facts: z.output<typeof factsSchema>;
  steps(): AsyncIterable<unknown>;
  readonly agentId: string;
  readonly parentId?: string;
}

const PATHS = { steps: '$.steps.*', inside: '$.subagent_trajectories.*' } as const;

/** A trajectory in ATIF. Trajectories of sub-agents inside of it are agents with this parent. */
export function atifPart(file: SourceFile, fileName: string, naming: Naming): SourcePart {
  return {
    name: file.path,
    checkFirst: true,
    events: (notices) => atifEvents(file, fileName, naming, notices),
  };
}

async function* atifEvents(
  file: SourceFile,
  fileName: string,
  naming: Naming,
  notices: Notices,
): AsyncGenerator<SourceEvent> {
  const read = () => file.read();
  const form = await documentForm(read);
  if (!form.members.has('steps')) throw new SourceFault('', 'has no steps, so it is no trajectory in ATIF');
  const facts = factsSchema.parse(await smallMembers(read, form));
  const agentId = agentIdOf(facts, fileName, naming);
  yield* new AtifRun({ facts, agentId, steps: () => valuesAt(read, PATHS.steps) }, file, notices).events();
  if (!form.members.has('subagent_trajectories')) return;
  for await (const inner of valuesAt(read, PATHS.inside)) yield* insideEvents(inner, agentId, file, notices);
}

async function* insideEvents(
  value: unknown,
  parentId: string,
  file: SourceFile,
  notices: Notices,
): AsyncGenerator<SourceEvent> {
  const facts = factsSchema.safeParse(value);
  const { steps, subagent_trajectories: inside } = (value ?? {}) as Record<string, unknown>;
  if (!facts.success || !Array.isArray(steps)) return notices.problem('subagent_trajectories', 'has no steps');
  const name = facts.data.trajectory_id ?? facts.data.session_id ?? digest(JSON.stringify(steps[0]) ?? '').slice(0, 12);
  const agentId = fitId(`${parentId}:${name}`);
  const trajectory = { facts: facts.data, agentId, parentId, steps: () => listed(steps) };
  yield* new AtifRun(trajectory, file, notices).events();
  for (const inner of Array.isArray(inside) ? inside : []) yield* insideEvents(inner, agentId, file, notices);
}

/** The id of a trajectory. That of the session may stand in several documents, so the file's name follows it. */
function agentIdOf(facts: Trajectory['facts'], fileName: string, naming: Naming): string {
  if (facts.trajectory_id) return sessionId(facts.trajectory_id, naming);
  return sessionId(facts.session_id ? `${facts.session_id}:${fileName}` : fileName, naming);
}

async function* valuesAt(read: () => AsyncIterable<Uint8Array>, path: string): AsyncGenerator<unknown> {
  for await (const { value } of jsonValues(read, [path])) yield value;
}

async function* listed(steps: readonly unknown[]): AsyncGenerator<unknown> {
  yield* steps;
}

class AtifRun {
  readonly #trajectory: Trajectory;
  readonly #file: SourceFile;
  readonly #notices: Notices;
  readonly #run: RunRecorder;
  #at: string;
  #hasUsage = false;

  constructor(trajectory: Trajectory, file: SourceFile, notices: Notices) {
    this.#trajectory = trajectory;
    this.#file = file;
    this.#notices = notices;
    this.#run = new RunRecorder(trajectory.agentId);
    this.#at = file.modifiedAt;
  }

  async *events(): AsyncGenerator<SourceEvent> {
    const { facts, parentId } = this.#trajectory;
    let number = 0;
    for await (const value of this.#trajectory.steps()) {
      const place = `steps[${number++}]`;
      const parsed = stepSchema.safeParse(value);
      if (!parsed.success) throw faultOf(place, parsed.error);
      const step = parsed.data;
      this.#at = utcOf(step.timestamp ?? undefined) ?? this.#at;
      if (number === 1) yield* this.#begin(facts, parentId);
      if (step.is_copied_context) this.#notices.count('steps copied from another context');
      else for (const each of this.#steps(step)) yield* this.#run.step({ ...each, place, at: this.#at });
    }
    if (number === 0) yield* this.#begin(facts, parentId);
    // The sums include those of sub-agents, so they count only where no step tells its usage.
    yield* this.#run.end({ totals: this.#hasUsage ? undefined : totalsOf(facts.final_metrics) });
  }

  *#begin(facts: Trajectory['facts'], parentId: string | undefined): Generator<SourceEvent> {
    const { agent, final_metrics: _, ...more } = facts;
    const { name, ...configuration } = agent ?? {};
    const creation = {
      agentType: name || 'atif',
      configuration: { importedFrom: this.#file.path.split(/[\\/]/).at(-1), ...configuration } as never,
      ...(parentId === undefined ? {} : { parentId }),
    };
    yield* this.#run.begin(this.#at, creation, more);
  }

  /** A step for each call of a tool, the first with what the model thought and used; without calls a step of the model. */
  *#steps(step: AtifStep) {
    const { source, message, reasoning_content: reasoning, tool_calls: calls, observation, metrics, ...more } = step;
    const { timestamp: _, is_copied_context: __, ...kept } = more;
    if (source !== 'agent') {
      yield {
        step: { action: source === 'user' ? 'prompt' : (source ?? 'message'), observation: textOf(message) },
        kept,
      };
      return;
    }
    const thought = [reasoning, textOf(message)].filter(Boolean).join('\n');
    const usage = usageOfAtif(metrics ?? {});
    if (usage) this.#hasUsage = true;
    const first = { ...(thought === '' ? {} : { thought }), ...(usage ? { usage } : {}) };
    const results = observation?.results ?? [];
    const model = step.model_name ?? this.#trajectory.facts.agent?.model_name ?? undefined;
    if (!calls?.length) yield { step: { action: chatAction(model), ...first }, kept: { ...kept, metrics } };
    for (const [index, call] of (calls ?? []).entries()) {
      const answers = results.filter(({ source_call_id: id }) => id === call.tool_call_id);
      const texts = answers.map(({ content }) => textOf(content));
      const action = toolAction(call.function_name ?? undefined, call.arguments);
      yield {
        step: {
          ...(index === 0 ? first : {}),
          action,
          ...(answers.length > 0 ? { observation: texts.join('\n') } : {}),
        },
        kept: {
          ...(index === 0 ? { ...kept, metrics, model } : {}),
          toolCallId: call.tool_call_id,
          results: answers.some(hasMore) ? answers : undefined,
        },
      };
    }
    const others = results.filter(({ source_call_id: id }) => !calls?.some((call) => call.tool_call_id === id));
    if (others.length > 0) {
      const texts = others.map(({ content }) => textOf(content));
      yield { step: { action: 'observation', observation: texts.join('\n') }, kept: { results: others } };
    }
  }
}

/** A result has more than a text. */
const hasMore = ({ source_call_id: _, content, ...more }: z.output<typeof result>): boolean =>
  typeof content !== 'string' || Object.keys(more).length > 0;

function totalsOf(metrics: Readonly<Record<string, unknown>> | null | undefined): Usage | undefined {
  return usageOfAtif({
    prompt_tokens: metrics?.['total_prompt_tokens'],
    completion_tokens: metrics?.['total_completion_tokens'],
    cached_tokens: metrics?.['total_cached_tokens'],
    cost_usd: metrics?.['total_cost_usd'],
  });
}
