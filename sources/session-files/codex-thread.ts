import type { AgentRecorder } from '../agent-recorder.ts';
import { digest } from '../names.ts';
import type { SourceEvent } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import { type Usage, usageOfCodexRollout } from '../usage.ts';
import { type CodexPayload, codexOutput, codexText } from './codex-line.ts';

/** The time and place of a line. */
export interface CodexPlace {
  readonly at: string | undefined;
  readonly place: string;
}

interface Call extends CodexPlace {
  readonly name: string | undefined;
  readonly given: unknown;
}

/** What the model wrote, until its usage comes. */
interface Answer extends CodexPlace {
  readonly key: string;
  readonly texts: string[];
}

/**
 * The items of a rollout as steps. What the model wrote is a `chat` step when its usage is reported, or, in rollouts that
 * report no usage, at once. A tool call is a step when its output comes.
 */
export class CodexThread {
  readonly recorder: AgentRecorder;
  /** The rollout is of a version that reports usage after each answer. */
  expectsUsage = false;
  /** The rollout is of a version that tells the beginning and the end of each turn. */
  tellsTurns = false;
  model: string | undefined;
  readonly #calls = new Map<string, Call>();
  readonly #answered = new Set<string>();
  #answer: Answer | undefined;
  /** An output came after what the model wrote, so what it writes next is another answer. */
  #isAnswerOver = false;
  /** The answer has its text, and not only thoughts. */
  #hasText = false;
  /** The usage of all answers so far. */
  readonly #counted: Record<string, number> = {};
  #total: string | undefined;
  #totals: Readonly<Record<string, unknown>> = {};
  #prompt: { readonly text: string; readonly kind: string } | undefined;

  constructor(recorder: AgentRecorder) {
    this.recorder = recorder;
  }

  get waiting(): number {
    return this.#calls.size + (this.#answer ? 1 : 0);
  }

  /**
   * The end of the file. The last answer waits for its usage, or for the end of its turn, when the file grows; in versions that
   * tell neither it gets no usage.
   */
  *end(): Generator<SourceEvent> {
    if (this.#total === undefined && this.#hasText && !this.tellsTurns) yield* this.release();
  }

  /** A part of an answer of the model: its thoughts or its text. */
  *answer(text: string, isFinal: boolean, payload: CodexPayload, line: CodexPlace): Generator<SourceEvent> {
    if (this.#isAnswerOver) yield* this.release();
    this.#answer ??= { ...line, key: payload.id ?? `chat:${line.at}:${short(text)}`, texts: [] };
    this.#answer.texts.push(text);
    this.#hasText = isFinal;
    if (isFinal && !this.expectsUsage) yield* this.release();
  }

  /** What the model wrote becomes a step, with its usage if that is known. */
  *release(usage?: Usage): Generator<SourceEvent> {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#isAnswerOver = false;
    if (answer) yield this.#chat(answer, answer.texts.filter(Boolean).join('\n'), usage);
  }

  /** The usage of the last call of the model. Equal totals are a repeat. */
  *usage({ info }: CodexPayload, line: CodexPlace, isCopy: boolean): Generator<SourceEvent> {
    this.expectsUsage = true;
    if (!info) return;
    const total = JSON.stringify(info.total_token_usage ?? info.last_token_usage);
    if (total === this.#total && info.total_token_usage) return;
    const last = info.last_token_usage ?? difference(info.total_token_usage ?? {}, this.#totals);
    this.#total = total;
    this.#totals = info.total_token_usage ?? {};
    if (isCopy) return;
    const usage = usageOfCodexRollout(last);
    this.#answer ??= { ...line, key: `usage:${line.at}:${short(total)}`, texts: [] };
    yield* this.release(usage);
  }

  *prompt(text: string, kind: string, line: CodexPlace): Generator<SourceEvent> {
    // Some versions tell each prompt twice, as an item and as an event.
    const isTold = this.#prompt?.text === text && this.#prompt.kind !== kind;
    this.#prompt = isTold ? undefined : { text, kind };
    if (isTold) return;
    yield* this.closeTurn();
    yield* this.recorder.state({ ...line, key: `running:${line.at}` }, 'running', 'a prompt');
    yield this.#step(`prompt:${line.at}:${short(text)}`, line, { action: 'prompt', observation: text });
  }

  call(id: string | undefined, name: string | undefined, given: unknown, line: CodexPlace): void {
    if (id !== undefined && !this.#answered.has(id)) this.#calls.set(id, { ...line, name, given });
  }

  /** A call of a tool without a separate output. */
  *whole(payload: CodexPayload, line: CodexPlace): Generator<SourceEvent> {
    const name = payload.type?.replace(/_call$/, '');
    const key = payload.id ?? payload.call_id ?? `${name}:${line.at}:${short(JSON.stringify(payload))}`;
    yield this.#step(key, line, { action: toolAction(name, payload.action ?? payload['prompt']) }, payload);
  }

  *output({ call_id: id, output }: CodexPayload, line: CodexPlace): Generator<SourceEvent> {
    if (id === undefined || this.#answered.has(id)) return;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    this.#isAnswerOver = this.#answer !== undefined;
    this.#answered.add(id);
    const { text, seconds, details } = codexOutput(output);
    const between = call?.at && line.at ? Math.max(Date.parse(line.at) - Date.parse(call.at), 0) : undefined;
    const durationMs = seconds === undefined ? between : Math.round(seconds * 1e6) / 1e3;
    const step = {
      action: toolAction(call?.name, call?.given),
      observation: text,
      ...(durationMs === undefined ? {} : { durationMs }),
    };
    yield this.#step(id, line, step, { details });
  }

  /** The turn is over: what waits gets nothing more. */
  *closeTurn(): Generator<SourceEvent> {
    yield* this.release();
    for (const [id, call] of this.#calls) {
      this.#answered.add(id);
      yield this.#step(id, call, { action: toolAction(call.name, call.given) });
    }
    this.#calls.clear();
  }

  /** A step of another kind. */
  note(action: string, observation: string, payload: CodexPayload, line: CodexPlace): SourceEvent {
    const key = `${action}:${payload.id ?? line.at}:${short(observation)}`;
    return this.#step(key, line, { action, observation }, payload);
  }

  #chat({ key, at, place }: Answer, text: string, usage: Usage | undefined): SourceEvent {
    const step = { action: chatAction(this.model), ...(text === '' ? {} : { thought: text }) };
    if (!usage) return this.#step(key, { at, place }, step);
    for (const [name, used] of Object.entries(usage)) this.#counted[name] = (this.#counted[name] ?? 0) + Number(used);
    // An import of a shorter file may have told an answer before its usage was there.
    return { ...this.#step(key, { at, place }, { ...step, usage }), totals: { ...this.#counted } };
  }

  #step(
    key: string,
    { at, place }: CodexPlace,
    step: Parameters<AgentRecorder['step']>[1],
    kept?: object,
  ): SourceEvent {
    const clean = {
      ...step,
      action: step.action.toWellFormed(),
      ...(step.thought === undefined ? {} : { thought: step.thought.toWellFormed() }),
      ...(step.observation === undefined ? {} : { observation: step.observation.toWellFormed() }),
    };
    return this.recorder.step({ key, at, place, kept }, clean);
  }
}

const short = (text: string): string => digest(text).slice(0, 12);

function difference(now: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(now).map(([name, sum]) => [name, Math.max(Number(sum) - Number(before[name] ?? 0), 0)]),
  );
}

/** The text of a message or a summary of thoughts. */
export const answerText = ({ content, summary }: CodexPayload): string => codexText(content ?? summary);
