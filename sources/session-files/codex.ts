import { basename } from 'node:path';
import { AgentRecorder } from '../agent-recorder.ts';
import { utcOf } from '../instant.ts';
import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { type CodexLine, type CodexPayload, codexLine, codexText } from './codex-line.ts';
import { answerText, type CodexPlace, CodexThread } from './codex-thread.ts';
import { jsonLines } from './lines.ts';
import { bareName, type Naming, sessionId } from './session-names.ts';

// Rollouts of Codex: openai/codex, codex-rs/history and codex-rs/rollout; readers in Harbor and ccusage.

/** Rollouts of Codex. A thread is an agent. The same rollout in two folders is read in turn. */
export function codexParts(files: readonly SourceFile[], naming: Naming): SourcePart[] {
  const threads = Map.groupBy(files, ({ path }) => bareName(basename(path)));
  return [...threads.values()].flatMap((copies) =>
    copies.length === 1 ? copies.map((file) => part(file, naming)) : [joined(copies, naming)],
  );
}

const part = (file: SourceFile, naming: Naming): SourcePart => ({
  name: file.path,
  checkFirst: false,
  events: (notices) => rolloutEvents(file, naming, notices),
});

const joined = (copies: readonly SourceFile[], naming: Naming): SourcePart => ({
  name: copies[0]?.path ?? '',
  checkFirst: false,
  async *events(notices) {
    for (const file of copies) yield* rolloutEvents(file, naming, notices);
  },
});

async function* rolloutEvents(file: SourceFile, naming: Naming, notices: Notices): AsyncGenerator<SourceEvent> {
  let rollout: Rollout | undefined;
  for await (const { number, value } of jsonLines(file.read(), notices)) {
    const line = readLine(value);
    rollout ??= new Rollout(line, file, naming, notices);
    yield* rollout.line(line, `line ${number}`);
  }
  if (rollout) yield* rollout.end();
  notices.count('calls and answers that wait for the next lines', rollout?.waiting ?? 0);
}

/** Older versions write items without the wrapping. */
function readLine(value: object): CodexLine {
  if ('payload' in value) return codexLine.parse(value);
  const timestamp = (value as { timestamp?: unknown }).timestamp;
  const isMeta = 'id' in value && 'timestamp' in value && !('type' in value);
  return codexLine.parse({ timestamp, type: isMeta ? 'session_meta' : 'response_item', payload: value });
}

class Rollout {
  readonly #thread: CodexThread;
  readonly #meta: CodexPayload;
  readonly #first: CodexLine;
  readonly #naming: Naming;
  readonly #notices: Notices;
  /** The beginning of the file is a copy of the history of another thread. */
  #isCopying = false;
  #isBeginning = true;

  constructor(first: CodexLine, file: SourceFile, naming: Naming, notices: Notices) {
    const isMeta = first.type === 'session_meta';
    this.#meta = isMeta ? first.payload : codexLine.shape.payload.parse({});
    this.#first = first;
    this.#naming = naming;
    this.#notices = notices;
    this.#thread = new CodexThread(
      new AgentRecorder(sessionId(this.#meta.id ?? bareName(basename(file.path)), naming), file.modifiedAt),
    );
  }

  get waiting(): number {
    return this.#thread.waiting;
  }

  end(): Generator<SourceEvent> {
    return this.#thread.end();
  }

  *line(line: CodexLine, place: string): Generator<SourceEvent> {
    const told = { at: utcOf(line.timestamp ?? line.payload.timestamp), place };
    if (!this.#thread.recorder.isCreated) {
      yield* this.#begin(told);
      if (line.type === 'session_meta') return;
    }
    const isCopy = this.#isCopy(line);
    if (isCopy) this.#notices.count('lines copied from another thread');
    const { payload } = line;
    if (line.type === 'event_msg' && payload.type === 'token_count') yield* this.#thread.usage(payload, told, isCopy);
    else if (line.type === 'turn_context') this.#turn(payload);
    else if (isCopy || line.type === 'session_meta') return;
    else if (line.type === 'response_item') yield* this.#item(payload, told);
    else if (line.type === 'event_msg') yield* this.#event(payload, told);
    else if (line.type === 'compacted') {
      yield* this.#thread.release();
      yield this.#thread.note('compact', codexText(payload.message), codexLine.shape.payload.parse({}), told);
    } else this.#keep(line);
  }

  *#begin(told: CodexPlace): Generator<SourceEvent> {
    const { recorder } = this.#thread;
    const { id: _, agent_role: role, base_instructions: instructions, instructions: older, ...meta } = this.#meta;
    const parent = parentOf(this.#meta);
    const kept = { instructions: instructions ?? older };
    yield recorder.create(
      { ...told, key: 'created', kept },
      {
        agentType: role || 'codex',
        configuration: { tool: 'codex', ...meta } as never,
        ...(parent === undefined ? {} : { parentId: sessionId(parent, { prefix: this.#naming.prefix }) }),
      },
    );
    yield* recorder.state({ ...told, key: 'running' }, 'running', 'the thread begins');
  }

  /**
   * Whether a line is of the history that a sub-agent or fork copied from another thread. Newer versions say where that
   * ends. In older ones the copy begins with the other thread's `session_meta`, and all of it has one time.
   */
  #isCopy({ type, ordinal, timestamp = '', payload }: CodexLine): boolean {
    const { subagent_history_start_ordinal: start, history_base: base } = this.#meta;
    const end = start ?? base?.end_ordinal_exclusive;
    if (end !== undefined && ordinal !== undefined) return ordinal < end;
    if (!this.#isBeginning) return false;
    if (type === 'session_meta' && payload.id !== this.#meta.id) this.#isCopying = true;
    const began = this.#first.timestamp ?? this.#meta.timestamp ?? '';
    const isSameMoment = timestamp.slice(0, SECOND) === began.slice(0, SECOND) || timestamp < began;
    if (this.#isCopying && !isSameMoment) {
      this.#isBeginning = false;
      this.#isCopying = false;
    }
    return this.#isCopying;
  }

  #turn({ model }: CodexPayload): void {
    this.#thread.model = model ?? this.#thread.model;
    this.#thread.expectsUsage = true;
  }

  *#item(payload: CodexPayload, told: CodexPlace): Generator<SourceEvent> {
    const { type = '', call_id: id, name } = payload;
    if (type === 'message' && payload.role === 'assistant') {
      yield* this.#thread.answer(answerText(payload), true, payload, told);
    } else if (type === 'message' && payload.role === 'user' && !isContext(answerText(payload))) {
      yield* this.#thread.prompt(answerText(payload), type, told);
    } else if (type === 'reasoning') {
      yield* this.#thread.answer(codexText(payload.summary), false, payload, told);
    } else if (type === 'function_call' || type === 'custom_tool_call') {
      this.#thread.call(id ?? payload.id, name, payload.arguments ?? payload.input, told);
    } else if (type === 'local_shell_call') {
      this.#thread.call(id ?? payload.id, 'local_shell', payload.action, told);
    } else if (type.endsWith('_output')) yield* this.#thread.output(payload, told);
    else if (type.endsWith('_call')) yield* this.#thread.whole(payload, told);
    else this.#keep({ ...codexLine.parse({ type: `response_item ${type}`, payload }) }, type === 'message');
  }

  *#event(payload: CodexPayload, told: CodexPlace): Generator<SourceEvent> {
    const { recorder } = this.#thread;
    const key = (what: string) => ({ ...told, key: `${what}:${payload.turn_id ?? told.at}` });
    switch (payload.type) {
      case 'user_message':
        return yield* this.#thread.prompt(codexText(payload.message), payload.type, told);
      case 'task_started':
        this.#thread.expectsUsage = true;
        this.#thread.tellsTurns = true;
        return yield* recorder.state(key('started'), 'running', 'a turn begins');
      case 'task_complete':
        yield* this.#thread.closeTurn();
        return yield* recorder.state(key('complete'), 'idle', 'the turn is complete');
      case 'turn_aborted':
        yield* this.#thread.closeTurn();
        return yield* recorder.state(key('aborted'), 'idle', `the turn was aborted: ${payload.reason ?? 'no reason'}`);
      case 'error':
        return yield this.#thread.note('error', codexText(payload.message), payload, told);
      case 'agent_message':
      case 'agent_reasoning':
        return; // a copy of the item
      default:
        this.#keep(codexLine.parse({ type: `event_msg ${payload.type}`, payload }), true);
    }
  }

  #keep(line: CodexLine, isKnown = KEPT_TYPES.has(line.type ?? '')): void {
    if (!isKnown) this.#notices.count(`lines of type ${line.type ?? 'unknown'}, kept`);
    this.#thread.recorder.keep(line);
  }
}

/** Characters of a time up to the second. */
const SECOND = 19;

const KEPT_TYPES: ReadonlySet<string> = new Set([
  'token_usage_record',
  'world_state',
  'retained_context',
  'inter_agent_communication',
  'inter_agent_communication_metadata',
  'security_risk_score',
  'realtime_item',
]);

/** Codex sends its surroundings and the project's instructions in the place of a user. */
const isContext = (text: string): boolean =>
  /^\s*(<(environment_context|user_instructions|permissions|collaboration_mode|turn_aborted)|# AGENTS\.md)/i.test(text);

function parentOf({ parent_thread_id: parent, source }: CodexPayload): string | undefined {
  if (parent !== undefined) return parent;
  const spawn = (source as { subagent?: { thread_spawn?: { parent_thread_id?: unknown } } } | undefined)?.subagent
    ?.thread_spawn?.parent_thread_id;
  return typeof spawn === 'string' ? spawn : undefined;
}
