import type { AgentRecorder } from '../agent-recorder.ts';
import { callId } from '../claude-calls.ts';
import { utcOf } from '../instant.ts';
import { digest } from '../names.ts';
import type { SourceEvent } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import { type Usage, usageOfClaudeMessage } from '../usage.ts';
import { blocksOf, type ClaudeBlock, type ClaudeLine, textOf } from './claude-line.ts';

/** A message of the model, which has a line for each of its blocks. Each line repeats the usage so far. */
interface Message {
  /** Blocks seen, so that a copy of a line is not counted. */
  readonly blocks: Set<string>;
  /** The usage that steps have so far. */
  counted: Usage;
  /** The number of steps. */
  steps: number;
  /** The id of the first step, where the request of the message is known. Telemetry gives the call that id, too. */
  call?: string;
}

/** A call of a tool that waits for its result. */
export interface ToolCall {
  readonly id: string;
  readonly name: string | undefined;
  readonly input: unknown;
  readonly at: string | undefined;
  readonly place: string;
  readonly usage: Usage | undefined;
  /** See {@link Message}. */
  readonly call: string | undefined;
}

/** A message of which only thoughts are known. Its next line, or a line of another message, makes it a step. */
interface Held {
  readonly id: string;
  thought: string;
  line: ClaudeLine;
  place: string;
}

/**
 * The messages of an agent of Claude Code as steps. A message is one `chat` step, made of its first line that is not only a
 * thought. Where a later line reports more usage, the difference goes to the step of that line, so that the steps of a
 * message have together the usage of its last line. A tool call is a step when its result comes.
 */
export class ClaudeThread {
  readonly recorder: AgentRecorder;
  readonly #messages = new Map<string, Message>();
  readonly #calls = new Map<string, ToolCall>();
  readonly #answered = new Set<string>();
  readonly #prompts = new Set<string>();
  readonly #requests = new Set<string>();
  #held: Held | undefined;

  constructor(recorder: AgentRecorder) {
    this.recorder = recorder;
  }

  /** The calls without a result so far. */
  get calls(): ReadonlyMap<string, ToolCall> {
    return this.#calls;
  }

  /** What waits for more lines. */
  get waiting(): number {
    return this.#calls.size + (this.#held ? 1 : 0);
  }

  *assistant(line: ClaudeLine, place: string): Generator<SourceEvent> {
    const id = line.message?.id ?? line.uuid ?? place;
    if (this.#held && this.#held.id !== id) yield* this.#release();
    const message = this.#messages.get(id) ?? this.#message(line);
    const isKnown = this.#messages.has(id);
    this.#messages.set(id, message);
    const blocks = blocksOf(line).filter((block) => !message.blocks.has(blockKey(block)));
    if (isKnown && blocks.length === 0 && this.#held?.id !== id) return;
    for (const block of blocks) message.blocks.add(blockKey(block));
    if (isError(line)) return yield this.#error(line, id, place);
    const thought = blocks.map(thoughtOf).filter(Boolean).join('\n');
    if (message.steps === 0) yield* this.#first(line, { id, place, message, blocks, thought });
    else if (thought !== '') yield this.#chat(line, { id, place, message, thought });
    yield* this.#blocks(line, message, blocks, place);
  }

  /** A message. A request has one; a further message under its id is named by its own. */
  #message({ requestId }: ClaudeLine): Message {
    const message = { blocks: new Set<string>(), counted: {}, steps: 0 };
    if (requestId === undefined || this.#requests.has(requestId)) return message;
    this.#requests.add(requestId);
    return { ...message, call: callId(this.recorder.agentId, requestId) };
  }

  /** A prompt of the user. Calls from before it get no result any more. */
  *prompt(line: ClaudeLine, place: string): Generator<SourceEvent> {
    yield* this.#release();
    for (const call of this.#calls.values()) yield this.#toolStep(call, { at: call.at, place: call.place });
    this.#calls.clear();
    // Hooks and telemetry name a prompt so; further lines of the user under its id are prompts of their own.
    const isFirst = line.promptId !== undefined && !this.#prompts.has(line.promptId);
    if (line.promptId !== undefined) this.#prompts.add(line.promptId);
    const key = `prompt:${(isFirst ? line.promptId : line.uuid) ?? digest(`${line.timestamp}${textOf(line.message?.content)}`)}`;
    const content = line.message?.content;
    const blocks = Array.isArray(content) && content.some(isNoText) ? content : undefined;
    const told = { key, at: utcOf(line.timestamp), place, kept: { blocks } };
    yield this.recorder.step(told, { action: 'prompt', observation: textOf(content).toWellFormed() });
  }

  /** The results of tools in a line. */
  *results(line: ClaudeLine, place: string): Generator<SourceEvent> {
    yield* this.#release();
    const results = blocksOf(line).filter((block) => block.tool_use_id !== undefined);
    for (const block of results) {
      // The structured result is told once for the line.
      const details = results.length === 1 ? line.toolUseResult : undefined;
      yield* this.#result(block, { at: utcOf(line.timestamp), place, details });
    }
  }

  /** A step of another kind. */
  *note(line: ClaudeLine, place: string, action: string, observation: string): Generator<SourceEvent> {
    yield* this.#release();
    const key = `${action.split(' ')[0]}:${line.uuid ?? digest(JSON.stringify(line))}`;
    const told = { key, at: utcOf(line.timestamp), place, kept: rest(line) };
    yield this.recorder.step(told, { action, observation: observation.toWellFormed() });
  }

  *#first(
    line: ClaudeLine,
    { id, place, message, blocks, thought }: ChatParts & { readonly blocks: readonly ClaudeBlock[] },
  ): Generator<SourceEvent> {
    const earlier = this.#held?.thought;
    const all = [earlier, thought].filter(Boolean).join('\n');
    const isComplete = line.message?.stop_reason !== undefined || blocks.some(({ type }) => !isThinking(type));
    if (!isComplete) {
      this.#held = { id, thought: all, line, place };
      return;
    }
    this.#held = undefined;
    yield this.#chat(line, { id, place, message, thought: all });
  }

  *#release(): Generator<SourceEvent> {
    const held = this.#held;
    this.#held = undefined;
    const message = held && this.#messages.get(held.id);
    if (held && message) yield this.#chat(held.line, { ...held, message });
  }

  #chat(line: ClaudeLine, { id, place, message, thought }: ChatParts): SourceEvent {
    const key = message.steps === 0 ? id : `${id}:${message.steps}`;
    const isFirst = message.steps === 0;
    message.steps++;
    const usage = takeUsage(line, message);
    const { model, stop_reason: stopReason } = line.message ?? {};
    const told = { key, at: utcOf(line.timestamp), place, kept: { requestId: line.requestId, stopReason } };
    const { call } = message;
    const step = this.recorder.step(told, {
      action: chatAction(model),
      ...(thought === '' ? {} : { thought: thought.toWellFormed() }),
      ...(usage ? { usage } : {}),
    });
    return { ...step, call, event: isFirst && call !== undefined ? { ...step.event, id: call } : step.event };
  }

  #error(line: ClaudeLine, id: string, place: string): SourceEvent {
    const told = { key: id, at: utcOf(line.timestamp), place, kept: rest(line) };
    return this.recorder.step(told, { action: 'error', observation: textOf(line.message?.content).toWellFormed() });
  }

  *#blocks(line: ClaudeLine, message: Message, blocks: readonly ClaudeBlock[], place: string): Generator<SourceEvent> {
    const at = utcOf(line.timestamp);
    for (const block of blocks) {
      if (block.tool_use_id !== undefined) yield* this.#result(block, { at, place, details: undefined });
      else if (isCall(block) && block.id !== undefined && !this.#answered.has(block.id)) {
        const { id, name, input } = block;
        const { call } = message;
        this.#calls.set(id, { id, name, input, at, place, usage: takeUsage(line, message), call });
      }
    }
  }

  *#result(block: ClaudeBlock, { at, place, details }: ResultParts): Generator<SourceEvent> {
    const id = block.tool_use_id ?? '';
    if (this.#answered.has(id)) return;
    this.#answered.add(id);
    const call = this.#calls.get(id) ?? {
      id,
      name: undefined,
      input: undefined,
      at,
      place,
      usage: undefined,
      call: undefined,
    };
    this.#calls.delete(id);
    yield this.#toolStep(call, { at, place, block, details });
  }

  #toolStep(
    { id, name, input, at: began, usage, call }: ToolCall,
    { at, place, block, details }: Partial<ResultParts> & { readonly place: string; readonly block?: ClaudeBlock },
  ): SourceEvent {
    const observation = block && textOf(block.content).toWellFormed();
    const durationMs = began && at ? Math.max(Date.parse(at) - Date.parse(began), 0) : undefined;
    const result = typeof details === 'object' && details !== null ? details : undefined;
    const blocks = Array.isArray(block?.content) && block.content.some(isNoText) ? block.content : undefined;
    const kept = { toolUseId: id, isError: block?.is_error || undefined, result, blocks };
    const step = this.recorder.step(
      { key: id, at, place, kept },
      {
        action: toolAction(name, input).toWellFormed(),
        ...(observation === undefined ? {} : { observation }),
        ...(durationMs === undefined ? {} : { durationMs }),
        ...(usage ? { usage } : {}),
      },
    );
    return { ...step, call };
  }
}

interface ChatParts {
  readonly id: string;
  readonly place: string;
  readonly message: Message;
  readonly thought: string;
}

interface ResultParts {
  readonly at: string | undefined;
  readonly place: string;
  readonly details: unknown;
}

/** The usage of a line that no step of its message has yet. */
function takeUsage(line: ClaudeLine, message: Message): Usage | undefined {
  const used = isError(line) ? undefined : usageOfClaudeMessage(line.message?.usage ?? {});
  const more = Object.entries(used ?? {}).flatMap(([name, sum]) => {
    const known = message.counted[name];
    return typeof sum === 'number' && (known === undefined || sum > known) ? [[name, sum - (known ?? 0)]] : [];
  });
  message.counted = { ...message.counted, ...Object.fromEntries(more.map(([name]) => [name, used?.[`${name}`]])) };
  return more.length > 0 ? Object.fromEntries(more) : undefined;
}

const isError = ({ isApiErrorMessage, message }: ClaudeLine): boolean =>
  isApiErrorMessage === true || message?.model === '<synthetic>';

const isThinking = (type: string | undefined): boolean => type === 'thinking' || type === 'redacted_thinking';

const isCall = ({ type }: ClaudeBlock): boolean => type === 'tool_use' || type === 'server_tool_use';

const isNoText = (part: unknown): boolean => (part as { type?: unknown } | null)?.type !== 'text';

const thoughtOf = ({ type, text, thinking }: ClaudeBlock): string =>
  isThinking(type) ? (thinking ?? '') : type === 'text' ? (text ?? '') : '';

const blockKey = (block: ClaudeBlock): string => block.id ?? digest(JSON.stringify(block)).slice(0, 12);

/** The members of a line that no event has. */
function rest(line: ClaudeLine): object {
  const { message: _, timestamp: __, sessionId: ___, ...others } = line;
  return others;
}
